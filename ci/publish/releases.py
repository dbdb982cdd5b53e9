"""Making a release, reading it back, and letting its tags follow it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, assert_never

import anyio

from ci.errors import RegistryError
from ci.names.digest import digest_of, is_digest
from ci.publish.release import (
    CHECKS,
    CURRENT,
    PASSED,
    REPOSITORY,
    Mount,
    Push,
    Put,
    Released,
    index_of,
    pushes,
    read_index,
    released,
    tags,
)
from ci.publish.source import Source, read_source
from ci.registry.key_artifact import KEY
from ci.registry.manifest import INDEX, read_manifest

if TYPE_CHECKING:
    from ci.publish.gzip_layers import GzipLayers
    from ci.registry.client import RegistryClient

Say = Callable[[str], None]
ROUNDS = 4
"""How often a release is read back."""


@dataclass(frozen=True, slots=True)
class Lag:
    """A tag that does not name the manifest of its release; `actual` is empty where there is no such tag."""

    reference: str
    expected: str
    actual: str


@dataclass(frozen=True, slots=True)
class Aftermath:
    """The state of the releases after an error, as a sentence, and what to type then."""

    text: str
    hint: str

    def of(self, error: RegistryError) -> RegistryError:
        """Return `error` with this state in its message."""
        return RegistryError(error.answer, f"{error.message}. {self.text}", hint=self.hint or error.hint)


@dataclass(frozen=True, slots=True, kw_only=True)
class Releases:
    """The releases of one namespace. Everything raises RegistryError; the message has the state after it."""

    client: RegistryClient
    say: Say

    @property
    def _namespace(self) -> str:
        return self.client.namespace.path

    def _repository(self, image: str) -> str:
        return self.client.namespace.repository(image)

    def scope(self, images: Sequence[str], *, writes: bool) -> tuple[str, ...]:
        """Return the scope that a token needs for these images and the releases."""
        actions = "pull,push" if writes else "pull"
        names = sorted({*images, REPOSITORY})
        return tuple(f"repository:{self._repository(name)}:{actions}" for name in names)

    async def images(
        self, sources: Sequence[Source], notes: Mapping[str, str], gzip: GzipLayers | None = None
    ) -> tuple[Released, ...]:
        """Return the images of a release of `sources`, parents first; with gzip layers where `gzip` is given.

        Raises:
            RegistryError: an image is missing in the registry, or it has another one under its key.
        """
        scope = self.scope([one.image for one in sources], writes=gzip is not None)
        found = []
        for one in sources:
            data = await read_source(self.client, one, scope=scope)
            if gzip is not None:
                data = await gzip.manifest(one.image, one.tag, data, scope=scope)
            found.append(released(one.image, one.variant, data, {**notes, KEY: one.key, CHECKS: PASSED}))
        return tuple(found)

    async def publish(self, version: str, images: Sequence[Released]) -> None:
        """Make the release `version` of `images`, parents first, and read it back.

        Raises:
            RegistryError: the message has the state: the old release, or the new one with tags that lag.
        """
        unchanged = "Nothing of it is released, and the current release is unchanged"
        after = Aftermath(unchanged, "")
        try:
            requests = pushes(self._namespace, version, images)
        except RegistryError as error:
            raise after.of(error) from error
        puts = [push for push in requests if isinstance(push, Put)]
        commit = next(number for number, put in enumerate(puts) if put.reference == CURRENT)
        scope = self.scope([one.image for one in images], writes=True)
        made = Aftermath(
            f"Release {version} is made, but some of its tags may be missing or wrong",
            "`dockwright verify` lists them",
        )
        try:
            await self._refuse_other(version, images, scope)
            after = Aftermath(unchanged, f"publish {version} again")
            index = digest_of(index_of(version, images))
            if await self._known_digest(self._repository(REPOSITORY), CURRENT, scope) == index:
                after = made
            for push in requests:
                is_commit = isinstance(push, Put) and push.reference == CURRENT
                if is_commit:
                    # what can't be read is not released, whatever the registry answered when it was pushed
                    await self._read_back(puts[:commit], scope, all_bytes=True)
                if is_commit and after != made:
                    after = Aftermath(
                        f"It is not known whether {version} is the current release",
                        "`dockwright verify` shows it",
                    )
                await self.send(push, scope)
                after = made if is_commit else after
            after = Aftermath(f"Release {version} can't be read completely", "`dockwright verify` shows it")
            await self._read_back(puts[commit:], scope)
        except RegistryError as error:
            raise after.of(error) from error

    async def _known_digest(self, repository: str, reference: str, scope: Sequence[str]) -> str | None:
        """Return the digest of a manifest; None where that is not known, and only a push repairs it.

        A registry whose disk was full may answer 500 for a manifest that it has in part.
        """
        try:
            return await self.client.find_digest(repository, reference, scope=scope)
        except RegistryError as error:
            if error.answer == "unauthorised":
                raise
            return None

    async def _read_back(self, puts: Sequence[Put], scope: Sequence[str], *, all_bytes: bool = False) -> None:
        """Check what tags name, repeatedly: some registries show a manifest only some time after the push.

        Raises:
            RegistryError: a tag names another manifest, or a manifest has other bytes.
        """
        named = {(put.repository, put.reference): digest_of(put.data) for put in puts}
        if all_bytes:
            named |= {(put.repository, digest_of(put.data)): digest_of(put.data) for put in puts}
        for number in range(ROUNDS):
            lagging = await self._lagging(named, scope)
            if not lagging:
                return
            if number < ROUNDS - 1:
                await anyio.sleep(self.client.retry_policy.pause_s * 2**number)
        names = ", ".join(lag.reference for lag in lagging)
        raise RegistryError("corrupt", f"the registry does not show what was pushed: {names}")

    async def _lagging(self, named: Mapping[tuple[str, str], str], scope: Sequence[str]) -> tuple[Lag, ...]:
        """Return each `(repository, reference)` that has another digest; manifests by digest are downloaded.

        Raises:
            RegistryError: the registry gives no answer, or a manifest has other bytes.
        """
        found = []
        for (repository, reference), expected in named.items():
            try:
                if is_digest(reference):
                    actual = digest_of(await self.client.manifest(repository, reference, scope=scope))
                else:
                    actual = await self.client.digest(repository, reference, scope=scope)
            except RegistryError as error:
                if error.answer != "absent":
                    raise
                actual = ""
            if actual != expected:
                found.append(Lag(f"{self.client.namespace.host}/{repository}:{reference}", expected, actual))
        return tuple(found)

    async def _refuse_other(self, version: str, images: Sequence[Released], scope: Sequence[str]) -> None:
        """Refuse to make another release of the same version."""
        try:
            _, earlier = await self.read(version, scope=scope)
        except RegistryError as error:
            if error.answer != "absent":
                raise
            return
        if {(one.id, one.digest) for one in earlier} != {(one.id, one.digest) for one in images}:
            raise RegistryError(
                "corrupt",
                f"release {version} already exists, with other images",
                hint="choose another version; a version is used once",
            )

    async def read(
        self, version: str = CURRENT, *, scope: Sequence[str] = ()
    ) -> tuple[str, tuple[Released, ...]]:
        """Return the version and the images of a release.

        Raises:
            RegistryError: absent, or not the index of a release of that version.
        """
        data = await self._index(version, scope or self.scope((), writes=False))
        return self._read(version, data)

    async def _index(self, version: str, scope: Sequence[str]) -> bytes:
        return await self.client.manifest(self._repository(REPOSITORY), version, scope=scope)

    def _read(self, version: str, data: bytes) -> tuple[str, tuple[Released, ...]]:
        what = self.client.namespace.reference(REPOSITORY, tag=version)
        found, images = read_index(data, what)
        if version not in (CURRENT, found):
            raise RegistryError("corrupt", f"{what}: the index of release {found}")
        return found, images

    async def read_release(self, version: str = CURRENT) -> tuple[str, tuple[Released, ...]]:
        """Return the version and the images of a release, with their manifests.

        Raises:
            RegistryError: absent, not the index of a release, or a manifest is missing.
        """
        version, images = await self.read(version)
        return version, await self._with_manifests(images)

    async def _with_manifests(self, images: Sequence[Released]) -> tuple[Released, ...]:
        scope, release = self.scope((), writes=False), self._repository(REPOSITORY)
        return tuple(
            [
                replace(one, data=await self.client.manifest(release, one.digest, scope=scope))
                for one in images
            ]
        )

    async def keys(self, version: str = CURRENT) -> dict[str, str]:
        """Return the key of each image of a release, by `image:variant`, where its manifest has it."""
        _, images = await self.read_release(version)
        keys = {one.id: read_manifest(one.data, one.id).annotations.get(KEY) for one in images}
        return {id_: key for id_, key in keys.items() if key}

    async def verify(self, version: str = CURRENT) -> tuple[Lag, ...]:
        """Return each tag that does not name the manifest of the release.

        The tags `:VARIANT` belong to the current release, `:VARIANT-VERSION` to their own.
        """
        scope = self.scope((), writes=False)
        data = await self._index(version, scope)
        asked, (version, images) = version, self._read(version, data)
        is_current = asked == CURRENT or await self._current() == version
        named = {}
        if is_current:
            other = version if asked == CURRENT else CURRENT
            named[self._repository(REPOSITORY), other] = digest_of(data)
        for one in images:
            for tag in (f"{one.variant}-{version}", *((one.variant,) if is_current else ())):
                named[self._repository(one.image), tag] = one.digest
        return await self._lagging(named, self.scope([one.image for one in images], writes=False))

    async def restore(self, version: str) -> None:
        """Make the existing release `version` the current one, and let the tags follow.

        Raises:
            RegistryError: the message has the state of the releases after the error.
        """
        after = Aftermath("The current release is unchanged", "")
        try:
            index = await self._known_index(version)
            images = await self._with_manifests(self._read(version, index)[1])
            scope = self.scope([one.image for one in images], writes=True)
            release = self._repository(REPOSITORY)
            heads = [Put(release, name, index, INDEX) for name in (version, CURRENT)]
            puts = (*heads, *tags(self._namespace, version, images))
            after = Aftermath(
                f"It is not known whether {version} is the current release",
                "run the same command again; `dockwright verify` shows the current release",
            )
            for push in puts:
                await self.send(push, scope)
            await self._read_back(puts, scope)
        except RegistryError as error:
            raise after.of(error) from error

    async def _known_index(self, version: str) -> bytes:
        """Return the index of a release by its version, or by `current` where only that names it."""
        scope = self.scope((), writes=False)
        try:
            return await self._index(version, scope)
        except RegistryError as error:
            if error.answer != "absent" or await self._current() != version:
                raise
        return await self._index(CURRENT, scope)

    async def _current(self) -> str:
        try:
            return (await self.read())[0]
        except RegistryError as error:
            if error.answer != "absent":
                raise
            return ""

    async def send(self, push: Push, scope: Sequence[str]) -> None:
        """Send one request of a release, unless the registry already has what it asks for."""
        match push:
            case Mount(digest=digest, origin=origin, to=to):
                await self.client.mount(digest, origin, to, scope=scope)
            case Put(repository=repository, reference=reference, data=data, type=type_):
                if await self._known_digest(repository, reference, scope) != digest_of(data):
                    self.say(f"{self.client.namespace.host}/{repository}:{reference[:40]}")
                    await self.client.put_manifest(repository, reference, data, type_, scope=scope)
            case _:
                assert_never(push)
