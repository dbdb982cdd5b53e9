"""Making a release, reading it back, and letting its tags follow it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, assert_never

import anyio

from ci.errors import RegistryError
from ci.names.digest import digest_of, is_digest
from ci.publish.release import (
    CURRENT,
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
    from ci.publish.gzip_layers import Gzipped
    from ci.registry.client import RegistryClient

Say = Callable[[str], None]
ROUNDS = 4
"""How often a release is read back."""


@dataclass(frozen=True, slots=True)
class Lag:
    """A tag that does not name what its release does; `has` is empty where there is no such tag."""

    reference: str
    should: str
    has: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Releases:
    """The releases of one namespace. Everything raises RegistryError, and says what stands."""

    client: RegistryClient
    say: Say

    @property
    def _namespace(self) -> str:
        return self.client.namespace.path

    def _repository(self, image: str) -> str:
        return self.client.namespace.repository(image)

    def scope(self, images: Sequence[str], *, writes: bool) -> tuple[str, ...]:
        """Return what a token has to allow for these images and the releases."""
        actions = "pull,push" if writes else "pull"
        names = sorted({*images, REPOSITORY})
        return tuple(f"repository:{self._repository(name)}:{actions}" for name in names)

    async def images(
        self, sources: Sequence[Source], notes: Mapping[str, str], gzipped: Gzipped | None = None
    ) -> tuple[Released, ...]:
        """Return what a release of `sources`, parents first, consists of; with gzip layers by `gzipped`.

        Raises:
            RegistryError: the registry lacks one of them, or has another one under its key.
        """
        scope = self.scope([one.image for one in sources], writes=gzipped is not None)
        found = []
        for one in sources:
            data = await read_source(self.client, one, scope=scope)
            if gzipped is not None:
                data = await gzipped.manifest(one.image, one.tag, data, scope=scope)
            found.append(released(one.image, one.variant, data, {**notes, KEY: one.key}))
        return tuple(found)

    async def publish(self, version: str, images: Sequence[Released]) -> None:
        """Make the release `version` of `images`, parents first, and read it back.

        Raises:
            RegistryError: what stands is in the message: the old release, or the new one with tags that lag.
        """
        stands = "what was released before stands"
        try:
            requests = pushes(self._namespace, version, images)
        except RegistryError as error:
            raise RegistryError(error.answer, f"{error}; {stands}") from error
        puts = [push for push in requests if isinstance(push, Put)]
        commit = next(number for number, put in enumerate(puts) if put.reference == CURRENT)
        scope = self.scope([one.image for one in images], writes=True)
        made = f"release {version} is made, and tags may lag: `dockwright verify` names them"
        try:
            await self._refuse_other(version, images, scope)
            stands = f"nothing of it is released, and {stands}: publish {version} again"
            if await self._known_digest(self._repository(REPOSITORY), CURRENT, scope) == digest_of(
                index_of(version, images)
            ):
                stands = made
            for push in requests:
                is_commit = isinstance(push, Put) and push.reference == CURRENT
                if is_commit:
                    # what can't be read is not released, whatever the registry said when it took it
                    await self._read_back(puts[:commit], scope, bytes_too=True)
                if is_commit and stands != made:
                    stands = (
                        f"`dockwright verify` says whether {version} was made or the release before stands"
                    )
                await self.do(push, scope)
                stands = made if is_commit else stands
            stands = f"`dockwright verify` says what stands of {version}"
            await self._read_back(puts[commit:], scope)
        except RegistryError as error:
            raise RegistryError(error.answer, f"{error}; {stands}") from error

    async def _known_digest(self, repository: str, reference: str, scope: Sequence[str]) -> str | None:
        """Return the digest of what is there; None where that can't be told, and only writing it helps.

        A registry whose disk was full may answer 500 for what it has half of, until it is written again.
        """
        try:
            return await self.client.find_digest(repository, reference, scope=scope)
        except RegistryError as error:
            if error.answer == "unauthorised":
                raise
            return None

    async def _read_back(self, puts: Sequence[Put], scope: Sequence[str], *, bytes_too: bool = False) -> None:
        """Read what tags name; some registries show a moment later what they have taken.

        Raises:
            RegistryError: a tag names something else, or a manifest has other bytes.
        """
        named = {(put.repository, put.reference): digest_of(put.data) for put in puts}
        if bytes_too:
            named |= {(put.repository, digest_of(put.data)): digest_of(put.data) for put in puts}
        for number in range(ROUNDS):
            lagging = await self._lagging(named, scope)
            if not lagging:
                return
            if number < ROUNDS - 1:
                await anyio.sleep(self.client.retry_policy.pause_s * 2**number)
        names = ", ".join(lag.reference for lag in lagging)
        raise RegistryError("corrupt", f"what was pushed reads back otherwise: {names}")

    async def _lagging(self, named: Mapping[tuple[str, str], str], scope: Sequence[str]) -> tuple[Lag, ...]:
        """Return each `(repository, reference)` that is not of its digest; of digests all bytes are read.

        Raises:
            RegistryError: one can't be asked for, or came with other bytes.
        """
        found = []
        for (repository, reference), should in named.items():
            try:
                if is_digest(reference):
                    has = digest_of(await self.client.manifest(repository, reference, scope=scope))
                else:
                    has = await self.client.digest(repository, reference, scope=scope)
            except RegistryError as error:
                if error.answer != "absent":
                    raise
                has = ""
            if has != should:
                found.append(Lag(f"{self.client.namespace.host}/{repository}:{reference}", should, has))
        return tuple(found)

    async def _refuse_other(self, version: str, images: Sequence[Released], scope: Sequence[str]) -> None:
        """Refuse to make another release of the same version."""
        try:
            _, there = await self.read(version, scope=scope)
        except RegistryError as error:
            if error.answer != "absent":
                raise
            return
        if {(one.id, one.digest) for one in there} != {(one.id, one.digest) for one in images}:
            raise RegistryError(
                "corrupt",
                f"release {version} is there already, of other images; a version is given once: "
                "give the next one",
            )

    async def read(
        self, version: str = CURRENT, *, scope: Sequence[str] = ()
    ) -> tuple[str, tuple[Released, ...]]:
        """Return the version and the images of a release.

        Raises:
            RegistryError: absent, or no index of a release of that version.
        """
        data = await self._index(version, scope or self.scope((), writes=False))
        return self._read(version, data)

    async def _index(self, version: str, scope: Sequence[str]) -> bytes:
        return await self.client.manifest(self._repository(REPOSITORY), version, scope=scope)

    def _read(self, version: str, data: bytes) -> tuple[str, tuple[Released, ...]]:
        what = f"{self.client.namespace}/{REPOSITORY}:{version}"
        found, images = read_index(data, what)
        if version not in (CURRENT, found):
            raise RegistryError("corrupt", f"{what}: is the index of release {found}")
        return found, images

    async def read_release(self, version: str = CURRENT) -> tuple[str, tuple[Released, ...]]:
        """Return the version and the images of a release, with their manifests.

        Raises:
            RegistryError: absent, no index of a release, or a manifest of it is not there.
        """
        version, images = await self.read(version)
        return version, await self._whole(images)

    async def _whole(self, images: Sequence[Released]) -> tuple[Released, ...]:
        scope, release = self.scope((), writes=False), self._repository(REPOSITORY)
        return tuple(
            [
                replace(one, data=await self.client.manifest(release, one.digest, scope=scope))
                for one in images
            ]
        )

    async def keys(self, version: str = CURRENT) -> dict[str, str]:
        """Return the key of each image of a release, by `image:variant`, where its manifest says it."""
        _, images = await self.read_release(version)
        keys = {one.id: read_manifest(one.data, one.id).annotations.get(KEY) for one in images}
        return {id_: key for id_, key in keys.items() if key}

    async def verify(self, version: str = CURRENT) -> tuple[Lag, ...]:
        """Return each tag that does not name what the release does.

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
        """Make the release `version`, which is there, the current one, and let the tags follow.

        Raises:
            RegistryError: what stands is in the message.
        """
        stands = "nothing is changed"
        try:
            index = await self._known(version)
            images = await self._whole(self._read(version, index)[1])
            scope = self.scope([one.image for one in images], writes=True)
            release = self._repository(REPOSITORY)
            heads = [Put(release, name, index, INDEX) for name in (version, CURRENT)]
            puts = (*heads, *tags(self._namespace, version, images))
            stands = "`dockwright verify` says what stands; the same command goes on from there"
            for push in puts:
                await self.do(push, scope)
            await self._read_back(puts, scope)
        except RegistryError as error:
            raise RegistryError(error.answer, f"{error}; {stands}") from error

    async def _known(self, version: str) -> bytes:
        """Return the index of a release by its version, or by `current` where only that has it."""
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

    async def do(self, push: Push, scope: Sequence[str]) -> None:
        """Send one request of a release, unless what it asks for is so already."""
        match push:
            case Mount(digest=digest, origin=origin, to=to):
                await self.client.mount(digest, origin, to, scope=scope)
            case Put(repository=repository, reference=reference, data=data, type=type_):
                if await self._known_digest(repository, reference, scope) != digest_of(data):
                    self.say(f"{self.client.namespace.host}/{repository}:{reference[:40]}")
                    await self.client.put_manifest(repository, reference, data, type_, scope=scope)
            case _:
                assert_never(push)
