"""What the ancestors of an image have, kept while all images are visited from the roots up."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import TypeVar

from ci.catalog.image import Draft
from ci.catalog.stack import ContextFile

One = TypeVar("One")


@dataclass(slots=True, kw_only=True)
class Ancestors:
    """The drafts from a root up to the parent of the image that is looked at, and what they have by name.

    Each draft is entered and left once, so a chain of images takes time that grows with its length alone.
    """

    line: list[Draft] = field(default_factory=list)
    python: dict[str, list[tuple[Draft, str]]] = field(default_factory=dict)
    """Who pins a distribution, and its version, the root first."""
    apt: dict[str, list[tuple[Draft, str]]] = field(default_factory=dict)
    files: dict[str, list[tuple[Draft, ContextFile]]] = field(default_factory=dict)
    folders: Counter[str] = field(default_factory=Counter)
    """How many files are below a folder; an empty one counts too."""
    incomplete: int = 0
    """How many of them have files with errors."""
    unlocked: int = 0
    """How many of them need a lock and have no fresh one."""

    def leave_until(self, parent: str) -> None:
        """Leave drafts until the last one is `parent`; all, where it is no draft."""
        while self.line and self.line[-1].variant.id != parent:
            self._count(self.line[-1], -1)
            self.line.pop()

    def enter(self, draft: Draft) -> None:
        """Add a child of the last draft."""
        self.line.append(draft)
        self._count(draft, 1)

    def _count(self, draft: Draft, sign: int) -> None:
        for locked in draft.variant.python_lock:
            _move(self.python, locked.name, (draft, locked.version), sign)
        for deb in draft.variant.apt_lock:
            _move(self.apt, deb.name, (draft, deb.version), sign)
        for file in draft.variant.files:
            if file.is_folder:
                self.folders.update({file.target: sign})
            else:
                _move(self.files, file.target, (draft, file), sign)
            self.folders.update({str(parent): sign for parent in PurePosixPath(file.target).parents})
        self.incomplete += 0 if draft.whole else sign
        self.unlocked += sign if draft.files is not None and not draft.locked else 0


def _move(table: dict[str, list[One]], name: str, one: One, sign: int) -> None:
    if sign > 0:
        table.setdefault(name, []).append(one)
    else:
        table[name].pop()
