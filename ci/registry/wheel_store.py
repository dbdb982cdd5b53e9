"""The repository of wheels in a namespace, and the artifacts in it, which oras and skopeo read too."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ci.names.digest import digest_of
from ci.registry.key_artifact import CREATED, EMPTY, EMPTY_TYPE
from ci.registry.manifest import OCI

if TYPE_CHECKING:
    from ci.registry.client import RegistryClient

REPOSITORY = "wheelhouse"
WHEEL_TYPE = "application/zip"
TITLE = "org.opencontainers.image.title"
"""A layer's file name, under which `oras pull` and `skopeo copy … dir:` write it down."""


@dataclass(frozen=True, slots=True)
class WheelStore:
    """The repository of wheels. Everything raises RegistryError."""

    client: RegistryClient

    @property
    def repository(self) -> str:
        """Its name at its host."""
        return self.client.place.repository(REPOSITORY)

    def scope(self, *, writes: bool = False) -> tuple[str, ...]:
        """Return what a token has to allow."""
        return (f"repository:{self.repository}:{'pull,push' if writes else 'pull'}",)

    async def has(self, tag: str) -> bool:
        """Whether there is such a tag."""
        return await self.client.find_digest(self.repository, tag, scope=self.scope()) is not None

    async def put(
        self, tag: str, type_: str, wheels: Sequence[tuple[str, str, int]], notes: Mapping[str, str]
    ) -> None:
        """Let `tag` name the artifact of these wheels, which are there: (file name, digest, bytes) each.

        Source: OCI image-spec 1.1, Guidance for an Empty Descriptor.
        """
        scope = self.scope(writes=True)
        await self.client.add_blob(self.repository, EMPTY, scope=scope)
        value = {
            "schemaVersion": 2,
            "mediaType": OCI,
            "artifactType": type_,
            "config": {"mediaType": EMPTY_TYPE, "digest": digest_of(EMPTY), "size": len(EMPTY)},
            "layers": [
                {"mediaType": WHEEL_TYPE, "digest": digest, "size": size, "annotations": {TITLE: file}}
                for file, digest, size in wheels
            ],
            "annotations": {**notes, CREATED: datetime.now(UTC).isoformat(timespec="seconds")},
        }
        data = json.dumps(value, sort_keys=True, separators=(",", ":")).encode()
        await self.client.put_manifest(self.repository, tag, data, OCI, scope=scope)
