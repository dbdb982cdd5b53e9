"""The repository of wheels in a namespace, and the artifacts in it, which oras and skopeo read too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ci.registry.artifact import CREATED, artifact_manifest
from ci.registry.manifest import Blob

if TYPE_CHECKING:
    from ci.registry.client import RegistryClient

REPOSITORY = "wheelhouse"
WHEEL_TYPE = "application/zip"


@dataclass(frozen=True, slots=True)
class WheelStore:
    """The repository of wheels. Everything raises RegistryError."""

    client: RegistryClient

    @property
    def repository(self) -> str:
        """Its name, without the host."""
        return self.client.namespace.repository(REPOSITORY)

    def scope(self, *, writes: bool = False) -> tuple[str, ...]:
        """Return the scope that a token needs."""
        return (f"repository:{self.repository}:{'pull,push' if writes else 'pull'}",)

    async def has(self, tag: str) -> bool:
        """Whether the registry has such a tag."""
        return await self.client.find_digest(self.repository, tag, scope=self.scope()) is not None

    async def put(
        self, tag: str, type_: str, wheels: Sequence[tuple[str, str, int]], notes: Mapping[str, str]
    ) -> None:
        """Let `tag` name the artifact of these wheels, which it has: (file name, digest, bytes) each."""
        blobs = [Blob(type=WHEEL_TYPE, digest=digest, size=size, title=file) for file, digest, size in wheels]
        annotations = {**notes, CREATED: datetime.now(UTC).isoformat(timespec="seconds")}
        data = artifact_manifest(type_, blobs, annotations)
        await self.client.put_artifact(self.repository, tag, data, scope=self.scope(writes=True))
