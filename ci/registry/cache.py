"""The registry as a cache: images found by their key, and added under it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import anyio

from ci.errors import RegistryError
from ci.names.digest import digest_of
from ci.registry.artifact import EMPTY
from ci.registry.key_artifact import (
    ARTIFACT_TYPE,
    DOCUMENT_LIMIT_BYTES,
    KeyArtifact,
    key_artifact_manifest,
    key_artifact_tag,
    read_document,
    read_key_artifact,
)
from ci.registry.manifest import OCI, Blob, read_manifest
from ci.registry.retry import AT_ONCE

if TYPE_CHECKING:
    from ci.registry.client import RegistryClient  # its HTTP library takes 0.15 s to import

ROUNDS = 5
"""How often an image that others push at the same time is looked at again."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """An image that is looked for: its `image:variant`, the name of its repository, its cache tag and key."""

    id: str
    image: str
    tag: str
    key: str


@dataclass(frozen=True, slots=True)
class Lookup:
    """What a registry has: `hits` by `image:variant`; `faults` by `image:variant` are why one is a miss.

    What is merely absent is in neither.
    """

    available: dict[str, KeyArtifact]
    errors: dict[str, RegistryError]

    def warnings(self) -> list[str]:
        """Return a sentence per kind of fault, with the first of its kind whole."""
        counts = Counter(fault.answer for fault in self.errors.values())
        first = {fault.answer: str(fault) for fault in reversed(self.errors.values())}
        return [
            f"{count} of the images could not be looked up in the registry, and count as missing there: "
            f"{first[answer]}" + (f" (and {count - 1} more like this)" if count > 1 else "")
            for answer, count in sorted(counts.items())
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryCache:
    """The images of one namespace by key; `writes` says whether they may be added to."""

    client: RegistryClient
    writes: bool = False

    def reference(self, image: str, digest: str) -> str:
        """Return how the image with the manifest `digest` is named to an engine."""
        return self.client.namespace.reference(image, digest=digest)

    def tagged(self, image: str, tag: str) -> str:
        """Return how an image is named to an engine that is to push it."""
        return self.client.namespace.reference(image, tag=tag)

    def scope(self, images: Iterable[str], *, writes: bool = False) -> tuple[str, ...]:
        """Return what a token has to allow. Source: Docker's token scope documentation."""
        actions = "pull,push" if writes else "pull"
        namespace = self.client.namespace
        return tuple(f"repository:{namespace.repository(image)}:{actions}" for image in sorted(set(images)))

    async def look_up(self, wanted: Sequence[Wanted]) -> Lookup:
        """Look for all of `wanted` at once: two requests each, and no blob; never raises RegistryError."""
        found = Lookup({}, {})
        scope = self.scope(one.image for one in wanted)
        limiter = anyio.CapacityLimiter(AT_ONCE)

        async def look(one: Wanted) -> None:
            async with limiter:
                try:
                    artifact = await self.find(one, scope)
                except RegistryError as error:
                    found.errors[one.id] = error
                    return
            if artifact is not None:
                found.available[one.id] = artifact

        async with anyio.create_task_group() as group:
            for one in wanted:
                group.start_soon(look, one)
        return found

    async def find(self, wanted: Wanted, scope: Sequence[str] = ()) -> KeyArtifact | None:
        """Return what stands beside an image that is there under its key; None where it is absent.

        Raises:
            RegistryError: nothing can be told of it, or the tag names an image that is not of this key.
        """
        repository = self.client.namespace.repository(wanted.image)
        scope = scope or self.scope((wanted.image,))
        what = self.tagged(wanted.image, wanted.tag)
        try:
            digest = await self.client.digest(repository, wanted.tag, scope=scope)
            data = await self.client.manifest(repository, key_artifact_tag(wanted.tag), scope=scope)
        except RegistryError as error:
            if error.answer == "absent":
                return None
            raise
        artifact = read_key_artifact(
            read_manifest(data, key_artifact_tag(what)), wanted.key, key_artifact_tag(what)
        )
        if digest and digest != artifact.image:
            raise RegistryError("corrupt", f"{what}: names another image than the one of this key")
        return artifact

    async def found(self, wanted: Wanted, scope: Sequence[str] = ()) -> KeyArtifact | None:
        """Return the same for one that pushes: what is corrupt is None too, since pushing puts it right.

        Raises:
            RegistryError: nothing can be told of it.
        """
        try:
            return await self.find(wanted, scope)
        except RegistryError as error:
            if error.answer != "corrupt":
                raise
            return None

    async def reconcile(self, wanted: Wanted, artifact: KeyArtifact) -> str:
        """Make tag and key document agree where others wrote both at the same time.

        Registries know no condition on a write, so what is there afterwards is read again: where the tag
        names another manifest of the same config, the key document is made to name that one. Returns the
        digest of the manifest that the key document has in the end, which another one may have written.

        Raises:
            RegistryError: they don't agree after some rounds, or the tag names another image.
        """
        scope = self.scope((wanted.image,), writes=True)
        what = self.tagged(wanted.image, wanted.tag)
        for number in range(ROUNDS):
            try:
                if agreed := await self._agree(wanted, artifact, scope):
                    return agreed
            except RegistryError as error:
                if error.answer != "absent":
                    raise
                # some registries show a moment later what they have taken
                self.client.say(f"{what}: not there yet, right after it was pushed")
            await anyio.sleep(self.client.retry_policy.pause_s * 2**number)
        raise RegistryError("corrupt", f"{what}: does not become what was pushed")

    async def _agree(self, wanted: Wanted, artifact: KeyArtifact, scope: Sequence[str]) -> str:
        """Return the digest of the key document's manifest if it agrees with the tag.

        Where it doesn't, it is written anew, and nothing is returned.
        """
        repository = self.client.namespace.repository(wanted.image)
        what = self.tagged(wanted.image, wanted.tag)
        digest = await self.client.digest(repository, wanted.tag, scope=scope)
        data = await self.client.manifest(repository, key_artifact_tag(wanted.tag), scope=scope)
        side = read_manifest(data, key_artifact_tag(what))
        if not side.layers:
            raise RegistryError("corrupt", f"{key_artifact_tag(what)}: holds no document")
        found = read_key_artifact(side, wanted.key, key_artifact_tag(what))
        config = found.config
        if found.image != digest:
            there = await self.client.manifest(repository, digest, scope=scope)
            config = read_manifest(there, what).config.digest
        if config != artifact.config:
            raise RegistryError("corrupt", f"{what}: another image was pushed under this key meanwhile")
        if found.image == digest:
            return side.digest
        manifest = key_artifact_manifest(replace(artifact, image=digest), side.layers[0], _now())
        await self.client.put_manifest(repository, key_artifact_tag(wanted.tag), manifest, OCI, scope=scope)
        return ""

    async def document(self, wanted: Wanted) -> dict[str, Any] | None:
        """Return the key document that stands beside an image; None where there is none.

        Raises:
            RegistryError: it can't be had.
        """
        repository = self.client.namespace.repository(wanted.image)
        scope = self.scope((wanted.image,))
        what = key_artifact_tag(self.tagged(wanted.image, wanted.tag))
        try:
            manifest = read_manifest(
                await self.client.manifest(repository, key_artifact_tag(wanted.tag), scope=scope), what
            )
            digest = manifest.layers[0].digest if manifest.layers else ""
            data = await self.client.blob(repository, digest, scope=scope, limit_bytes=DOCUMENT_LIMIT_BYTES)
        except RegistryError as error:
            if error.answer == "absent":
                return None
            raise
        return read_document(data, what)

    async def add(self, wanted: Wanted, artifact: KeyArtifact, document: dict[str, Any]) -> str:
        """Write what stands beside an image that has just been pushed, so that it is found from now on.

        Returns the digest of its manifest, which no other runner writes; none where another runner was
        faster, whose own stays. That is asked last, since it may change at any time.
        """
        repository = self.client.namespace.repository(wanted.image)
        scope = self.scope((wanted.image,), writes=True)
        data = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
        await self.client.add_blob(repository, EMPTY, scope=scope)
        digest = await self.client.add_blob(repository, data, scope=scope)
        blob = Blob(type=ARTIFACT_TYPE, digest=digest, size=len(data))
        if await self.found(wanted, scope) is not None:
            return ""
        manifest = key_artifact_manifest(artifact, blob, _now())
        await self.client.put_manifest(repository, key_artifact_tag(wanted.tag), manifest, OCI, scope=scope)
        return digest_of(manifest)


def _now() -> str:
    # to the microsecond, so that what two runners write of one image is not the same
    return datetime.now(UTC).isoformat(timespec="microseconds")
