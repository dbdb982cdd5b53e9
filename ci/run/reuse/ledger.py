"""The ledger, on this machine and in a registry: rungs that an image passed and that are not repeated."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ci.bounded.file import read_file
from ci.errors import RegistryError
from ci.names.digest import bare_digest
from ci.plan.plan import PlannedImage
from ci.registry.ledger_artifact import RegistryLedger
from ci.run.reuse.remote_cache import wanted
from ci.run.workspace.state_file import write_state
from ci.smoke.ledger_entry import Entry, Subject, entry_text, read_entry


@dataclass(slots=True, kw_only=True)
class Ledger:
    """Entries by their subject, in `folder` and, where one is set, in a registry.

    An error is only a warning through `warn`, and the checks are repeated. After an error the registry is not
    used any more in this run.
    """

    folder: Path
    warn: Callable[[str], None]
    registry: RegistryLedger | None = None
    pushed_configs: Mapping[str, str] = field(default_factory=dict)
    """Digests of the configs that the registry has under the keys of a run, by `image:variant`."""
    _failures: list[str] = field(default_factory=list)

    async def find(self, planned: PlannedImage, subject: Subject) -> Entry:
        """Return the entry of `subject`; an empty one where none is recorded, or no valid one."""
        found = self._of_this_machine(subject)
        if found is None:
            found = await self._of_registry(planned, subject)
        return found or Entry(subject=subject, rungs={})

    async def passed(self, planned: PlannedImage, subjects: Sequence[Subject]) -> bool:
        """Whether an image passed its checks as one of `subjects`: the first one that has an entry decides.

        For an image that is not run here, so that it does not matter which machine checked it. What failed
        on this machine has not passed, whatever another one found.
        """
        here = [found for one in subjects if (found := self._of_this_machine(one)) is not None]
        if here:
            return all(one.complete for one in here)
        for subject in subjects:
            found = await self._of_registry(planned, subject)
            if found is not None:
                return found.complete
        return False

    async def record(self, planned: PlannedImage, entry: Entry) -> None:
        """Write an entry on this machine and, where that is permitted, in the registry."""
        self._write(entry)
        registry = self._usable_registry
        if registry is None or not registry.cache.writes:
            return
        if self.pushed_configs.get(planned.id, entry.subject.image) != entry.subject.image:
            return  # the registry has another image under this key
        try:
            await registry.write(wanted(planned), entry.subject.name, entry_text(entry))
        except RegistryError as error:
            self._give_up(f"check results are not written to the registry: {error.message}")

    @property
    def _usable_registry(self) -> RegistryLedger | None:
        return None if self._failures else self.registry

    def _of_this_machine(self, subject: Subject) -> Entry | None:
        path = self._path(subject)
        try:
            return self._read(read_file(path), subject, str(path))
        except FileNotFoundError:
            return None
        except OSError as error:
            self.warn(f"{path}: can't be read ({error.strerror}); the checks are repeated")
            return None

    async def _of_registry(self, planned: PlannedImage, subject: Subject) -> Entry | None:
        """Return the entry of a subject in the registry, which is then written on this machine too."""
        registry = self._usable_registry
        if registry is None:
            return None
        one = wanted(planned)
        try:
            text = await registry.read(one, subject.name)
        except RegistryError as error:
            if error.answer != "corrupt":
                self._give_up(f"earlier check results are not read from the registry: {error.message}")
            else:
                self.warn(f"{error.message}; it is ignored, and the checks are repeated")
            return None
        if text is None:
            return None
        found = self._read(text, subject, f"{one.image}:{one.tag} in the registry")
        if found is not None:
            self._write(found)
        return found

    def _read(self, text: str | bytes, subject: Subject, what: str) -> Entry | None:
        try:
            return read_entry(text, subject)
        except ValueError as error:
            self.warn(f"{what}: earlier check results are ignored: {error}")
            return None

    def _write(self, entry: Entry) -> None:
        path = self._path(entry.subject)
        write_state(path, entry_text(entry), self.warn)

    def _path(self, subject: Subject) -> Path:
        return self.folder / bare_digest(subject.image) / f"{subject.name}.json"

    def _give_up(self, why: str) -> None:
        if not self._failures:
            self.warn(why)
        self._failures.append(why)
