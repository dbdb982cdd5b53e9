"""Locks of a stack directory, read and held against what they answer."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

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

Demand = Literal["required", "optional"]
"""Whether locks must be there and hold, or what does not hold counts as absent (for `dockwright lock`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Locks:
    """Reads locks; None stands for a lock that is absent or does not hold, which `demand` makes a mistake."""

    demand: Demand

    def python(self, folder: Folder, name: str, asked: str) -> tuple[LockLine, ...] | None:
        """Return the lines of the Python lock `name`; `asked` is the requirement file beside it."""
        data = folder.bytes(asked)
        wanted = "" if data is None else inputs_digest(data)
        return self._read(folder, name, wanted, asked, parse_python_lock)

    def apt(
        self, folder: Folder, name: str, packages: Iterable[str], asked: str
    ) -> tuple[DebLine, ...] | None:
        """Return the lines of the Debian lock `name`; `asked` says where `packages` are listed."""
        return self._read(folder, name, packages_digest(packages), asked, parse_apt_lock)

    def _read(
        self, folder: Folder, name: str, wanted: str, asked: str, parse: Callable[[str], LockText[Line]]
    ) -> tuple[Line, ...] | None:
        present = folder.has(name)
        if not present and self.demand == "required":
            folder.mistakes.add(folder.file(name), "", "no lock: run `dockwright lock`")
        text = folder.text(name) if present else None
        if text is None:
            return None
        lock = parse(text)
        fresh = lock.inputs == wanted
        if self.demand == "required":
            for number, what in lock.mistakes:
                folder.mistakes.add(folder.file(name), f"line {number}", f"{what}; run `dockwright lock`")
            if wanted and not fresh:
                folder.mistakes.add(
                    folder.file(name), "inputs", f"lock older than its {asked}: run `dockwright lock`"
                )
        return lock.lines if fresh and not lock.mistakes else None
