"""The ledger, here and in a registry: which rungs an image passed, so that they are not repeated."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ci.errors import RegistryError
from ci.names.digest import bare_digest
from ci.plan.plan import PlannedImage
from ci.registry.ledger_artifact import RegistryLedger
from ci.run.reuse.remote_cache import wanted
from ci.smoke.ledger_entry import Entry, Subject, entry_text, read_entry
from ci.wheelhouse.program.atomic_write import write_atomically


@dataclass(slots=True, kw_only=True)
class Ledger:
    """Entries by what they are of, in `folder` and, where there is one, in a registry.

    Whatever is wrong with it is told to `warn` and costs a repetition, nothing else. A registry that fails is
    asked no more in this run.
    """

    folder: Path
    warn: Callable[[str], None]
    registry: RegistryLedger | None = None
    there: Mapping[str, str] = field(default_factory=dict)
    """Digests of the configs that the registry has under the keys of a run, by `image:variant`."""
    _lost: list[str] = field(default_factory=list)

    async def find(self, planned: PlannedImage, subject: Subject) -> Entry:
        """Return what is recorded of `subject`; an empty entry where nothing is, or nothing that holds."""
        path = self._path(subject)
        try:
            found = self._read(path.read_bytes(), subject, str(path))
        except FileNotFoundError:
            found = None
        except OSError as error:
            self.warn(f"{path}: can't be read ({error.strerror}); its checks are done again")
            found = None
        if found is None and self._asked is not None:
            found = await self._of_registry(planned, subject)
            if found is not None:
                self._keep(found)
        return found or Entry(subject=subject, rungs={})

    async def record(self, planned: PlannedImage, entry: Entry) -> None:
        """Keep an entry here and, where it may be written, in the registry."""
        self._keep(entry)
        registry = self._asked
        if registry is None or not registry.cache.writes:
            return
        if self.there.get(planned.id, entry.subject.image) != entry.subject.image:
            return  # its entries are about another image, which the registry keeps under this key
        try:
            await registry.write(wanted(planned), entry.subject.name, entry_text(entry))
        except RegistryError as error:
            self._lose(f"the results of checks are not kept in the registry: {error}")

    @property
    def _asked(self) -> RegistryLedger | None:
        return None if self._lost else self.registry

    async def _of_registry(self, planned: PlannedImage, subject: Subject) -> Entry | None:
        assert self.registry is not None
        one = wanted(planned)
        try:
            text = await self.registry.read(one, subject.name)
        except RegistryError as error:
            if error.answer != "corrupt":
                self._lose(f"earlier results of checks are not asked of the registry: {error}")
            else:
                self.warn(f"{error}; it counts as none, and its checks are done again")
            return None
        return None if text is None else self._read(text, subject, f"{one.image}:{one.tag} in the registry")

    def _read(self, text: str | bytes, subject: Subject, what: str) -> Entry | None:
        try:
            return read_entry(text, subject)
        except ValueError as error:
            self.warn(f"{what}: the results of earlier checks count as none: {error}")
            return None

    def _keep(self, entry: Entry) -> None:
        path = self._path(entry.subject)
        try:
            write_atomically(path, entry_text(entry))
        except OSError as error:
            self.warn(f"{path}: the results of checks can't be kept ({error.strerror})")

    def _path(self, subject: Subject) -> Path:
        return self.folder / bare_digest(subject.image) / f"{subject.name}.json"

    def _lose(self, why: str) -> None:
        if not self._lost:
            self.warn(why)
        self._lost.append(why)
