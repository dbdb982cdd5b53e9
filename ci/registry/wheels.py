"""Compiled wheels in a registry: an artifact each, under the key of what it was compiled from and with.

`NAMESPACE/wheelhouse:w-HEX` has the wheel as its one layer, called by its file name, so that `oras pull` and
`skopeo copy … dir:` write it down.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ci.errors import RegistryError
from ci.registry.manifest import OCI, digest_of, read_manifest
from ci.registry.side import CREATED, EMPTY, EMPTY_TYPE, KEY

if TYPE_CHECKING:
    from ci.registry.client import RegistryClient

REPOSITORY = "wheelhouse"
ARTIFACT_TYPE = "application/vnd.dockwright.wheel.v1"
WHEEL_TYPE = "application/zip"
TITLE, REQUIREMENT = "org.opencontainers.image.title", "org.dockwright.requirement"
LIMIT_BYTES = 256 * 2**20
"""No compiled wheel is larger: it is held in memory."""
_FILE = re.compile(r"[A-Za-z0-9_.!+]+(-[A-Za-z0-9_.!+]+){4,5}\.whl")
"""Source: PyPA, binary distribution format, file name convention."""
_REQUIREMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*==[A-Za-z0-9.!+]+")


@dataclass(frozen=True, slots=True)
class BuiltWheel:
    """A wheel that was compiled under `key`; `requirement` is `name==version`."""

    key: str
    requirement: str
    file: str
    data: bytes


@dataclass(frozen=True, slots=True)
class RegistryWheels:
    """The compiled wheels of a namespace. Everything raises RegistryError, and nothing else."""

    client: RegistryClient

    @property
    def _repository(self) -> str:
        return self.client.place.repository(REPOSITORY)

    def _scope(self, *, writes: bool = False) -> tuple[str, ...]:
        return (f"repository:{self._repository}:{'pull,push' if writes else 'pull'}",)

    async def has(self, key: str) -> bool:
        """Whether a wheel is there under this key."""
        tag = wheel_tag(key)
        return await self.client.find_digest(self._repository, tag, scope=self._scope()) is not None

    async def get(self, key: str) -> BuiltWheel | None:
        """Return the wheel under this key; None where there is none.

        Raises:
            RegistryError: corrupt: what is there is no such wheel.
        """
        what = f"{self.client.place.host}/{self._repository}:{wheel_tag(key)}"
        try:
            data = await self.client.manifest(self._repository, wheel_tag(key), scope=self._scope())
        except RegistryError as error:
            if error.answer != "absent":
                raise
            return None
        manifest = read_manifest(data, what)
        notes = manifest.annotations
        file, requirement = notes.get(TITLE, ""), notes.get(REQUIREMENT, "")
        right = _FILE.fullmatch(file) and _REQUIREMENT.fullmatch(requirement) and notes.get(KEY) == key
        if not right or len(manifest.layers) != 1:
            raise RegistryError("corrupt", f"{what}: no wheel of this key")
        wheel = await self.client.blob(
            self._repository, manifest.layers[0].digest, scope=self._scope(), limit_bytes=LIMIT_BYTES
        )
        return BuiltWheel(key, requirement, file, wheel)

    async def add(self, wheel: BuiltWheel) -> None:
        """Store a wheel under its key."""
        scope = self._scope(writes=True)
        await self.client.add_blob(self._repository, EMPTY, scope=scope)
        digest = await self.client.add_blob(self._repository, wheel.data, scope=scope)
        value = {
            "schemaVersion": 2,
            "mediaType": OCI,
            "artifactType": ARTIFACT_TYPE,
            "config": {"mediaType": EMPTY_TYPE, "digest": digest_of(EMPTY), "size": len(EMPTY)},
            "layers": [
                {
                    "mediaType": WHEEL_TYPE,
                    "digest": digest,
                    "size": len(wheel.data),
                    "annotations": {TITLE: wheel.file},
                }
            ],
            "annotations": {
                KEY: wheel.key,
                REQUIREMENT: wheel.requirement,
                TITLE: wheel.file,
                CREATED: datetime.now(UTC).isoformat(timespec="seconds"),
            },
        }
        data = json.dumps(value, sort_keys=True, separators=(",", ":")).encode()
        await self.client.put_manifest(self._repository, wheel_tag(wheel.key), data, OCI, scope=scope)


def wheel_tag(key: str) -> str:
    """Return the tag of the wheel with this wheel-build key."""
    return f"w-{key[:32]}"
