"""All files of a wheelhouse in a registry: an artifact for each input, with each file as a layer.

`NAMESPACE/wheelhouse:a-HEX`, by the digest of the wheelhouse's input document. A layer is the file itself, so
its digest is the hash that the lock has, and one that an older set has is found without asking which.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from ci.errors import RegistryError
from ci.registry.manifest import MOST_LAYER_BYTES, OCI, digest_of
from ci.registry.side import CREATED, EMPTY, EMPTY_TYPE
from ci.registry.wheels import REPOSITORY, TITLE, WHEEL_TYPE

if TYPE_CHECKING:
    from ci.registry.client import RegistryClient

ARTIFACT_TYPE = "application/vnd.dockwright.wheels.v1"
INPUT = "org.dockwright.input"


@dataclass(frozen=True, slots=True, kw_only=True)
class SetFile:
    """A file of a set; `size` is 0 where the lock does not say it."""

    file: str
    sha256: str
    size: int = 0

    @property
    def digest(self) -> str:
        """The digest of its layer."""
        return f"sha256:{self.sha256}"


@dataclass(frozen=True, slots=True)
class RegistryWheelSets:
    """The sets of a namespace. Everything raises RegistryError, and OSError for files of this machine."""

    client: RegistryClient

    @property
    def _repository(self) -> str:
        return self.client.place.repository(REPOSITORY)

    def _scope(self, *, writes: bool = False) -> tuple[str, ...]:
        return (f"repository:{self._repository}:{'pull,push' if writes else 'pull'}",)

    async def has(self, input_digest: str) -> bool:
        """Whether the set of this input is there."""
        tag = set_tag(input_digest)
        return await self.client.find_digest(self._repository, tag, scope=self._scope()) is not None

    async def fetch(self, wanted: SetFile, target: Path) -> bool:
        """Write one file to `target`, checked by its hash; return whether any set has it."""
        size = wanted.size or MOST_LAYER_BYTES
        try:
            await self.client.fetch_blob(
                self._repository, wanted.digest, target, scope=self._scope(), size=size
            )
        except RegistryError as error:
            if error.answer != "absent":
                raise
            return False
        return True

    async def add(self, input_digest: str, files: Sequence[tuple[SetFile, Path]]) -> None:
        """Store the set of this input; only files that no set has are sent."""
        scope = self._scope(writes=True)
        await self.client.add_blob(self._repository, EMPTY, scope=scope)
        layers = []
        for one, path in sorted(files, key=lambda each: each[0].file):
            await self.client.send_blob(self._repository, one.digest, path, scope=scope)
            layers.append(
                {
                    "mediaType": WHEEL_TYPE,
                    "digest": one.digest,
                    "size": path.stat().st_size,
                    "annotations": {TITLE: one.file},
                }
            )
        value = {
            "schemaVersion": 2,
            "mediaType": OCI,
            "artifactType": ARTIFACT_TYPE,
            "config": {"mediaType": EMPTY_TYPE, "digest": digest_of(EMPTY), "size": len(EMPTY)},
            "layers": layers,
            "annotations": {INPUT: input_digest, CREATED: datetime.now(UTC).isoformat(timespec="seconds")},
        }
        data = json.dumps(value, sort_keys=True, separators=(",", ":")).encode()
        await self.client.put_manifest(self._repository, set_tag(input_digest), data, OCI, scope=scope)


def set_tag(input_digest: str) -> str:
    """Return the tag of the set for this input."""
    return f"a-{input_digest[:32]}"
