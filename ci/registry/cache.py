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
"""How often an image that others push at the same time is read again."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """An image to look up: its `image:variant`, its name, its cache tag and its key."""

    id: str
    image: str
    tag: str
    key: str


@dataclass(frozen=True, slots=True)
class Lookup:
    """The answer of a registry, by `image:variant`: what is `available`, and the `errors` of failed requests.

    An image that is absent is in neither of them.
    """

    available: dict[str, KeyArtifact]
    errors: dict[str, RegistryError]

    def warnings(self) -> list[str]:
        """Return a sentence for each kind of error, with the first error of that kind."""
        counts = Counter(error.answer for error in self.errors.values())
        first = {error.answer: error.message for error in reversed(self.errors.values())}
        return [
            f"{count} of the images could not be looked up in the registry and count as missing: "
            f"{first[answer]}" + (f" (and {count - 1} more like this)" if count > 1 else "")
            for answer, count in sorted(counts.items())
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryCache:
    """The images of one namespace, by key. Images are pushed only if `writes` is set."""

    client: RegistryClient
    writes: bool = False

    def reference(self, image: str, digest: str) -> str:
        """Return the reference of an image by the digest of its manifest."""
        return self.client.namespace.reference(image, digest=digest)

    def tagged(self, image: str, tag: str) -> str:
        """Return the reference of an image by tag, as it is pushed."""
        return self.client.namespace.reference(image, tag=tag)

    def scope(self, images: Iterable[str], *, writes: bool = False) -> tuple[str, ...]:
        """Return the scope that a token needs. Source: Docker's token scope documentation."""
        actions = "pull,push" if writes else "pull"
        namespace = self.client.namespace
        return tuple(f"repository:{namespace.repository(image)}:{actions}" for image in sorted(set(images)))

    async def look_up(self, wanted: Sequence[Wanted]) -> Lookup:
        """Look up all of `wanted` in parallel, with two requests each; errors are in the returned value."""
        found = Lookup({}, {})
        scope = self.scope(one.image for one in wanted)
        limiter = anyio.CapacityLimiter(AT_ONCE)

        async def look_up_one(one: Wanted) -> None:
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
                group.start_soon(look_up_one, one)
        return found

    async def find(self, wanted: Wanted, scope: Sequence[str] = ()) -> KeyArtifact | None:
        """Return the key artifact of an image that the registry has under its key; None where it is absent.

        Raises:
            RegistryError: the registry gives no answer, or the tag names an image of another key.
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
            raise RegistryError("corrupt", f"{what}: the tag names another image than the key artifact does")
        return artifact

    async def found(self, wanted: Wanted, scope: Sequence[str] = ()) -> KeyArtifact | None:
        """Return the same before a push: None also where it is corrupt, since a push repairs that.

        Raises:
            RegistryError: the registry gives no answer.
        """
        try:
            return await self.find(wanted, scope)
        except RegistryError as error:
            if error.answer != "corrupt":
                raise
            return None

    async def reconcile(self, wanted: Wanted, artifact: KeyArtifact) -> str:
        """Make the tag and the key artifact agree after other runners wrote both at the same time.

        Registries have no conditional writes. So both are read again after a write: where the tag names
        another manifest of the same config, the key artifact is written again with that one. Returns the
        digest of the key artifact that is valid in the end, which another runner may have written.

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
                # some registries show a manifest only some time after the push
                self.client.say(f"{what}: not available yet, right after the push")
            await anyio.sleep(self.client.retry_policy.pause_s * 2**number)
        raise RegistryError("corrupt", f"{what}: the registry does not show the image that was pushed")

    async def _agree(self, wanted: Wanted, artifact: KeyArtifact, scope: Sequence[str]) -> str:
        """Return the digest of the key artifact that agrees with the tag; else write it, and return ""."""
        repository = self.client.namespace.repository(wanted.image)
        what = self.tagged(wanted.image, wanted.tag)
        digest = await self.client.digest(repository, wanted.tag, scope=scope)
        data = await self.client.manifest(repository, key_artifact_tag(wanted.tag), scope=scope)
        manifest = read_manifest(data, key_artifact_tag(what))
        if not manifest.layers:
            raise RegistryError("corrupt", f"{key_artifact_tag(what)}: has no key document")
        found = read_key_artifact(manifest, wanted.key, key_artifact_tag(what))
        config = found.config
        if found.image != digest:
            data = await self.client.manifest(repository, digest, scope=scope)
            config = read_manifest(data, what).config.digest
        if config != artifact.config:
            raise RegistryError("corrupt", f"{what}: another runner has pushed another image under this key")
        if found.image == digest:
            return manifest.digest
        data = key_artifact_manifest(replace(artifact, image=digest), manifest.layers[0], _now())
        await self.client.put_manifest(repository, key_artifact_tag(wanted.tag), data, OCI, scope=scope)
        return ""

    async def document(self, wanted: Wanted) -> dict[str, Any] | None:
        """Return the key document of an image; None where the registry has none.

        Raises:
            RegistryError: the registry gives no answer, or the document is corrupt.
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
        """Write the key artifact of an image that was just pushed; from now on look-ups find the image.

        Returns the artifact's digest, which no other runner writes; empty where another runner was faster,
        whose artifact stays. That is checked last, since it may change at any time.
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
    # to the microsecond, so that two runners never write the same artifact
    return datetime.now(UTC).isoformat(timespec="microseconds")
