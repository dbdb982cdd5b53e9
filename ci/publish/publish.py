"""Making a release, reading it back, and letting its tags follow it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, assert_never

import anyio

from ci.errors import RegistryError
from ci.publish.release import (
    CURRENT,
    REPOSITORY,
    Mount,
    Push,
    Put,
    Released,
    pushes,
    read_index,
    released,
    tags,
)
from ci.registry.manifest import INDEX, MOST_LAYER_BYTES, digest_of, read_manifest
from ci.registry.side import KEY

if TYPE_CHECKING:
    from ci.publish.gzipped import Gzipped
    from ci.registry.client import RegistryClient

Say = Callable[[str], None]
ROUNDS = 4
"""How often a release is read back."""


@dataclass(frozen=True, slots=True)
class Source:
    """An image under its cache tag, with its whole key."""

    image: str
    variant: str
    tag: str
    key: str


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
        return self.client.place.namespace

    def _repository(self, image: str) -> str:
        return self.client.place.repository(image)

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
            RegistryError: the registry lacks one of them.
        """
        scope = self.scope([one.image for one in sources], writes=gzipped is not None)
        found = []
        for one in sources:
            data = await self.client.manifest(self._repository(one.image), one.tag, scope=scope)
            if gzipped is not None:
                data = await gzipped.manifest(one.image, one.tag, data, scope=scope)
            found.append(released(one.image, one.variant, data, {**notes, KEY: one.key}))
        return tuple(found)

    async def publish(self, version: str, images: Sequence[Released]) -> None:
        """Make the release `version` of `images`, parents first, and read it back.

        Raises:
            RegistryError: what stands is in the message: the old release, or the new one with tags that lag.
        """
        refuse_too_large(images)
        scope = self.scope([one.image for one in images], writes=True)
        await self._refuse_other(version, images, scope)
        stands = f"nothing of it is released, and what was released before stands: publish {version} again"
        try:
            for push in pushes(self._namespace, version, images):
                is_commit = isinstance(push, Put) and push.reference == CURRENT
                if is_commit:
                    stands = (
                        f"`dockwright verify` says whether {version} was made or the release before stands"
                    )
                await self.do(push, scope)
                if is_commit:
                    stands = f"release {version} is made, and some tags lag: `dockwright verify` names them"
        except RegistryError as error:
            raise RegistryError(error.answer, f"{error}; {stands}") from error
        lagging = await self._lagging(version)
        if lagging:
            names = ", ".join(lag.reference for lag in lagging)
            raise RegistryError("corrupt", f"release {version} is made, and reads back otherwise: {names}")

    async def _lagging(self, version: str) -> tuple[Lag, ...]:
        """Read a release back; some registries show a moment later what they have taken."""
        lagging: tuple[Lag, ...] = ()
        for number in range(ROUNDS):
            try:
                lagging = await self.verify(version)
            except RegistryError as error:
                if error.answer != "absent" or number == ROUNDS - 1:
                    raise
            else:
                if not lagging:
                    return ()
            await anyio.sleep(self.client.patience.pause_s * 2**number)
        return lagging

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
            RegistryError: absent, or no index of a release.
        """
        what = f"{self.client.place}/{REPOSITORY}:{version}"
        data = await self.client.manifest(
            self._repository(REPOSITORY), version, scope=scope or self.scope((), writes=False)
        )
        return read_index(data, what)

    async def read_whole(self, version: str = CURRENT) -> tuple[str, tuple[Released, ...]]:
        """Return the version and the images of a release, with their manifests.

        Raises:
            RegistryError: absent, no index of a release, or a manifest of it is not there.
        """
        version, images = await self.read(version)
        scope = self.scope((), writes=False)
        release = self._repository(REPOSITORY)
        whole = [
            replace(one, data=await self.client.manifest(release, one.digest, scope=scope)) for one in images
        ]
        return version, tuple(whole)

    async def keys(self, version: str = CURRENT) -> dict[str, str]:
        """Return the key of each image of a release, by `image:variant`, where its manifest says it."""
        _, images = await self.read_whole(version)
        keys = {one.id: read_manifest(one.data, one.id).annotations.get(KEY) for one in images}
        return {id_: key for id_, key in keys.items() if key}

    async def verify(self, version: str = CURRENT) -> tuple[Lag, ...]:
        """Return each tag that does not name what the release does.

        The tags `:VARIANT` belong to the current release, `:VARIANT-VERSION` to their own.
        """
        current = version == CURRENT
        version, images = await self.read(version)
        if not current:
            current = await self._current() == version
        scope = self.scope([one.image for one in images], writes=False)
        found = []
        for one in images:
            for tag in (f"{one.variant}-{version}", *((one.variant,) if current else ())):
                has = await self.client.find_digest(self._repository(one.image), tag, scope=scope) or ""
                if has != one.digest:
                    found.append(Lag(f"{self.client.place}/{one.image}:{tag}", one.digest, has))
        return tuple(found)

    async def restore(self, version: str) -> None:
        """Make the release `version`, which is there, the current one, and let the tags follow."""
        version, images = await self.read_whole(version)
        scope = self.scope([one.image for one in images], writes=True)
        release = self._repository(REPOSITORY)
        index = await self.client.manifest(release, version, scope=scope)
        try:
            for push in (Put(release, CURRENT, index, INDEX), *tags(self._namespace, version, images)):
                await self.do(push, scope)
        except RegistryError as error:
            again = "`dockwright verify` says what stands; the same command goes on from there"
            raise RegistryError(error.answer, f"{error}; {again}") from error
        lagging = await self._lagging(version)
        if lagging:
            names = ", ".join(lag.reference for lag in lagging)
            raise RegistryError(
                "corrupt", f"release {version} is the current one, and some tags lag: {names}"
            )

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
                if await self.client.find_digest(repository, reference, scope=scope) != digest_of(data):
                    self.say(f"{self.client.place.host}/{repository}:{reference[:40]}")
                    await self.client.put_manifest(repository, reference, data, type_, scope=scope)
            case _:
                assert_never(push)


def refuse_too_large(images: Sequence[Released]) -> None:
    """Refuse a layer that registries do not take; a manifest that is too large is refused when it is read.

    Raises:
        RegistryError: corrupt: a layer is larger than 10 GiB.
    """
    for one in images:
        for layer in read_manifest(one.data, one.id).layers:
            if layer.size > MOST_LAYER_BYTES:
                raise RegistryError(
                    "corrupt",
                    f"{one.id}: the layer {layer.digest[:19]}… has {layer.size / 2**30:.1f} GiB, and "
                    "registries take 10; split it by `layers` in its image.toml",
                )
