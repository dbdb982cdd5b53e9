"""Locks of a stack directory, read and compared with what they were made for."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from ci.bounded.file import LARGE_BYTES
from ci.catalog.lockfile import (
    Line,
    LockText,
    inputs_digest,
    packages_digest,
    parse_apt_lock,
    parse_python_lock,
)
from ci.catalog.reading import Folder
from ci.catalog.stack import DebLine, LockLine

Demand = Literal["required", "optional", "none"]
"""Whether every lock must be present and fresh; an optional one that is not fresh counts as absent. `none`
reads no lock: all count as absent."""
LOCK = "run `dockwright lock`"


@dataclass(frozen=True, slots=True, kw_only=True)
class Locks:
    """Reads locks; None is returned for one that is absent or not fresh, which `demand` makes an error."""

    demand: Demand

    def python(self, folder: Folder, name: str, source: str) -> tuple[LockLine, ...] | None:
        """Return the lines of the Python lock `name`; `source` is its requirement file."""
        data = folder.bytes(source)
        wanted = "" if data is None else inputs_digest(data)
        return self._read(folder, name, wanted, source, parse_python_lock)

    def apt(
        self, folder: Folder, name: str, packages: Iterable[str], source: str
    ) -> tuple[DebLine, ...] | None:
        """Return the lines of the Debian lock `name`; `source` is the file that lists `packages`."""
        return self._read(folder, name, packages_digest(packages), source, parse_apt_lock)

    def _read(
        self, folder: Folder, name: str, wanted: str, source: str, parse: Callable[[str], LockText[Line]]
    ) -> tuple[Line, ...] | None:
        present = self.demand != "none" and folder.has(name)
        if not present and self.demand == "required":
            folder.errors.add(folder.file(name), "", "no lock", LOCK)
        text = folder.text(name, LARGE_BYTES) if present else None
        if text is None:
            return None
        lock = parse(text)
        fresh = lock.inputs == wanted
        if self.demand == "required":
            for number, what in lock.errors:
                folder.errors.add(folder.file(name), f"line {number}", what, LOCK)
            if wanted and not fresh:
                folder.errors.add(folder.file(name), "inputs", f"stale: {source} has changed", LOCK)
        return lock.lines if fresh and not lock.errors else None
