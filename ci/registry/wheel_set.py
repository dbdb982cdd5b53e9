"""All files of a wheelhouse in a registry: an artifact for each input, with each file as a layer.

`NAMESPACE/wheelhouse:a-HEX`, by the digest of the wheelhouse's input document. A layer is the file itself, so
its digest is the hash in the lock, and a file of an older set is found without knowing which set has it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ci.errors import RegistryError
from ci.names.digest import Digest
from ci.registry.manifest import MOST_LAYER_BYTES
from ci.registry.wheel_store import WheelStore

ARTIFACT_TYPE = "application/vnd.dockwright.wheels.v1"
INPUT = "org.dockwright.input"


@dataclass(frozen=True, slots=True, kw_only=True)
class SetFile:
    """A file of a set; `size` is 0 where the lock does not have it."""

    file: str
    sha256: str
    size: int = 0

    @property
    def digest(self) -> str:
        """The digest of its layer."""
        return str(Digest(self.sha256))


@dataclass(frozen=True, slots=True)
class RegistryWheelSets:
    """The sets of a namespace. Everything raises RegistryError, and OSError for files of this machine."""

    store: WheelStore

    async def has(self, input_digest: str) -> bool:
        """Whether the registry has the set of this input."""
        return await self.store.has(set_tag(input_digest))

    async def fetch(self, wanted: SetFile, target: Path) -> bool:
        """Download one file to `target` and verify its hash; return whether any set has it."""
        size = wanted.size or MOST_LAYER_BYTES
        store = self.store
        try:
            await store.client.fetch_blob(
                store.repository, wanted.digest, target, scope=store.scope(), size=size
            )
        except RegistryError as error:
            if error.answer != "absent":
                raise
            return False
        return True

    async def add(self, input_digest: str, files: Sequence[tuple[SetFile, Path]]) -> None:
        """Store the set of this input; only files that no set has are uploaded."""
        store = self.store
        wheels = []
        for one, path in sorted(files, key=lambda each: each[0].file):
            await store.client.send_blob(store.repository, one.digest, path, scope=store.scope(writes=True))
            wheels.append((one.file, one.digest, path.stat().st_size))
        await store.put(set_tag(input_digest), ARTIFACT_TYPE, wheels, {INPUT: input_digest})


def set_tag(input_digest: str) -> str:
    """Return the tag of the set for this input."""
    return f"a-{input_digest[:32]}"
