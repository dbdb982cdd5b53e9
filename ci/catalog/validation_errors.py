"""The mistakes of a stack directory, collected so that one run reports all of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from difflib import get_close_matches

from ci.errors import CatalogError


@dataclass(slots=True, kw_only=True)
class ValidationErrors:
    """Lines `FILE: KEY: what, what to do`; `top` is the stack directory's name, which starts every FILE."""

    top: str
    _found: dict[tuple[str, str], None] = field(default_factory=dict)

    def add(self, file: str, key: str, what: str) -> None:
        """Note one mistake; `file` is POSIX, relative to the stack directory, `key` may be empty.

        The same mistake noted twice (a file that two variants share) is reported once.
        """
        self._found[(_shown(file), _shown(f"{key}: {what}" if key else what))] = None

    def noted(self, file: str, start: str) -> bool:
        """Whether a mistake of `file` starts with `start`, a key or the first part of one."""
        return any(found == file and what.startswith(start) for found, what in self._found)

    @property
    def lines(self) -> tuple[str, ...]:
        """Every mistake, those of one file together, in the order of the files' names."""
        return tuple(
            f"{self.top}/{file}: {what}" if file else f"{self.top}: {what}"
            for file, what in sorted(self._found, key=lambda found: found[0])
        )

    def __bool__(self) -> bool:
        """Whether there is any."""
        return bool(self._found)

    def error(self) -> CatalogError:
        """Return them as the error to raise."""
        return CatalogError("\n".join(self.lines))


def _shown(text: str) -> str:
    """Return `text` on one line that every terminal can write."""
    return text if text.isprintable() else ascii(text)[1:-1]


def suggestion(word: str, known: Iterable[str]) -> str:
    """Return `did you mean 'X'? Known: …`, without the question where nothing known resembles `word`."""
    words = sorted(known)
    if not words:
        return "None is known"
    lower = {candidate.lower(): candidate for candidate in words}
    close = get_close_matches(word.lower(), lower, n=1)
    question = f"did you mean '{lower[close[0]]}'? " if close else ""
    return f"{question}Known: {', '.join(words)}"
