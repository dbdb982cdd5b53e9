"""Compiled wheels in a registry: an artifact each, under the key of what it was compiled from and with.

`NAMESPACE/wheelhouse:w-HEX` has the wheel as its one layer, titled by its file name, so that `oras pull` and
`skopeo copy … dir:` write that file.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ci.errors import RegistryError
from ci.registry.artifact import TITLE
from ci.registry.key_artifact import KEY
from ci.registry.manifest import read_manifest
from ci.registry.wheel_store import REPOSITORY, WheelStore

ARTIFACT_TYPE = "application/vnd.dockwright.wheel.v1"
REQUIREMENT = "org.dockwright.requirement"
LIMIT_BYTES = 256 * 2**20
"""No compiled wheel is larger: it is read into memory."""
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

    store: WheelStore

    async def has(self, key: str) -> bool:
        """Whether the registry has a wheel of this key."""
        return await self.store.has(wheel_tag(key))

    async def get(self, key: str) -> BuiltWheel | None:
        """Return the wheel of this key; None where the registry has none.

        Raises:
            RegistryError: corrupt: the artifact is not such a wheel.
        """
        store, client = self.store, self.store.client
        what = client.namespace.reference(REPOSITORY, tag=wheel_tag(key))
        try:
            data = await client.manifest(store.repository, wheel_tag(key), scope=store.scope())
        except RegistryError as error:
            if error.answer != "absent":
                raise
            return None
        manifest = read_manifest(data, what)
        notes = manifest.annotations
        file, requirement = notes.get(TITLE, ""), notes.get(REQUIREMENT, "")
        right = _FILE.fullmatch(file) and _REQUIREMENT.fullmatch(requirement) and notes.get(KEY) == key
        if not right or len(manifest.layers) != 1:
            raise RegistryError("corrupt", f"{what}: not a wheel of this key")
        wheel = await client.blob(
            store.repository, manifest.layers[0].digest, scope=store.scope(), limit_bytes=LIMIT_BYTES
        )
        return BuiltWheel(key, requirement, file, wheel)

    async def add(self, wheel: BuiltWheel) -> None:
        """Store a wheel under its key."""
        store = self.store
        digest = await store.client.add_blob(store.repository, wheel.data, scope=store.scope(writes=True))
        notes = {KEY: wheel.key, REQUIREMENT: wheel.requirement, TITLE: wheel.file}
        wheels = [(wheel.file, digest, len(wheel.data))]
        await store.put(wheel_tag(wheel.key), ARTIFACT_TYPE, wheels, notes)


def wheel_tag(key: str) -> str:
    """Return the tag of the wheel with this wheel-build key."""
    return f"w-{key[:32]}"
