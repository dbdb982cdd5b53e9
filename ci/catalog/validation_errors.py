"""The validation errors of a stack directory, collected so that one run reports all of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from difflib import get_close_matches

from ci.errors import CatalogError

Invalid = tuple[str, str]
"""What is wrong with a value, and the hint: what to type or change."""


@dataclass(slots=True, kw_only=True)
class ValidationErrors:
    """Errors `FILE: KEY: what`, each with a hint; FILE starts with `top`, the name of the stack directory."""

    top: str
    _found: dict[tuple[str, str, str], None] = field(default_factory=dict)

    def add(self, file: str, key: str, what: str, hint: str) -> None:
        """Add an error; `file` is POSIX, relative to the stack directory, `key` may be empty.

        An error that is added twice (a file that two variants share) is reported once.
        """
        text = f"{key}: {what}" if key else what
        self._found[(_printable(file), _printable(text), _printable(hint))] = None

    def has(self, file: str, start: str) -> bool:
        """Whether an error of `file` starts with `start`, a key or the first part of one."""
        return any(found == file and what.startswith(start) for found, what, _ in self._found)

    @property
    def text(self) -> str:
        """A line per error, those of one file together, in the order of the files' names, with their hints.

        A hint is an indented line below its error; consecutive errors with the same hint share one.
        """
        lines: list[str] = []
        last = ""
        for file, what, hint in sorted(self._found, key=lambda found: found[0]):
            if lines and hint == last:
                lines.pop()
            lines.append(f"{self.top}/{file}: {what}" if file else f"{self.top}: {what}")
            lines.append(f"  hint: {hint}")
            last = hint
        return "\n".join(lines)

    def __bool__(self) -> bool:
        """Whether there is any."""
        return bool(self._found)

    def error(self) -> CatalogError:
        """Return them as the error to raise."""
        return CatalogError(self.text)


def _printable(text: str) -> str:
    """Return `text` on one line that every terminal can write."""
    return text if text.isprintable() else ascii(text)[1:-1]


def suggestion(word: str, known: Iterable[str]) -> str:
    """Return the hint `did you mean 'X'? Known: …`, without the question where no known word is similar."""
    words = sorted(known)
    if not words:
        return "None is known"
    lower = {candidate.lower(): candidate for candidate in words}
    close = get_close_matches(word.lower(), lower, n=1)
    question = f"did you mean '{lower[close[0]]}'? " if close else ""
    return f"{question}Known: {', '.join(words)}"
