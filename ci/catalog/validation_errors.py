"""The validation errors of a stack directory, collected so that one run reports all of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from difflib import get_close_matches

from ci.errors import CatalogError

MOST = 100
"""How many errors one message has; what is more is counted."""
LONGEST = 300
"""Characters of one text in a message; what is more is cut in its middle."""
KNOWN = 30
"""How many known words a hint lists."""
COMPARED = 2000


@dataclass(frozen=True, slots=True)
class Suggestion:
    """The hint `did you mean 'X'? Known: …`, made only where it is shown: comparing words takes long."""

    word: str
    known: Iterable[str]


Hint = str | Suggestion
Invalid = tuple[str, Hint]
"""What is wrong with a value, and the hint: what to type or change."""


@dataclass(slots=True, kw_only=True)
class ValidationErrors:
    """Errors `FILE: KEY: what`, each with a hint; FILE starts with `top`, the name of the stack directory."""

    top: str
    _found: dict[str, dict[tuple[str, str], None]] = field(default_factory=dict)
    """What is wrong and the hint, by file: `MOST` of each at most."""
    _hashes: set[int] = field(default_factory=set)
    """Of all errors."""

    def add(self, file: str, key: str, what: str, hint: Hint) -> None:
        """Add an error; `file` is POSIX, relative to the stack directory, `key` may be empty.

        An error that is added twice (a file that two variants share) is reported once.
        """
        where = printable(file)
        text = printable(f"{key}: {what}" if key else what)
        self._hashes.add(hash((where, text)))
        of_file = self._found.setdefault(where, {})
        if len(of_file) < MOST:
            written = hint if isinstance(hint, str) else suggestion(hint.word, hint.known)
            of_file[text, printable(written)] = None

    def has(self, file: str, start: str) -> bool:
        """Whether an error of `file` starts with `start`, a key or the first part of one."""
        return any(what.startswith(start) for what, _ in self._found.get(printable(file), ()))

    @property
    def text(self) -> str:
        """A line per error, those of one file together, in the order of the files' names, with their hints.

        A hint is an indented line below its error; consecutive errors with the same hint share one. There are
        `MOST` errors at most, and the number of the others.
        """
        found = [(file, *one) for file in sorted(self._found) for one in self._found[file]]
        lines: list[str] = []
        last = ""
        for file, what, hint in found[:MOST]:
            if lines and hint == last:
                lines.pop()
            lines.append(f"{self.top}/{file}: {what}" if file else f"{self.top}: {what}")
            lines.append(f"  hint: {hint}")
            last = hint
        if len(self) > MOST:
            lines.append(f"{self.top}: {len(self) - MOST} more errors")
            lines.append("  hint: correct those above first")
        return "\n".join(lines)

    def __len__(self) -> int:
        """How many there are."""
        return len(self._hashes)

    def error(self) -> CatalogError:
        """Return them as the error to raise."""
        return CatalogError(self.text)


def printable(text: str) -> str:
    """Return `text` on one line of bounded length that every terminal can write."""
    if len(text) > LONGEST:
        text = f"{text[: LONGEST // 2]} … {text[-LONGEST // 2 :]}"
    return text if text.isprintable() else ascii(text)[1:-1]


def suggestion(word: str, known: Iterable[str]) -> str:
    """Return the hint `did you mean 'X'? Known: …`, without the question where no known word is similar."""
    words = sorted(known)
    if not words:
        return "None is known"
    close = close_match(word, words)
    question = f"did you mean '{close}'? " if close else ""
    more = f" and {len(words) - KNOWN} more" if len(words) > KNOWN else ""
    return f"{question}Known: {', '.join(words[:KNOWN])}{more}"


def close_match(word: str, known: Collection[str]) -> str:
    """Return the known word that is most similar to `word`, whatever its case; empty where none is.

    Comparing takes long, so no more than `COMPARED` words are looked at.
    """
    lower = {candidate.lower(): candidate for candidate in list(known)[:COMPARED]}
    close = get_close_matches(word[:LONGEST].lower(), lower, n=1)
    return lower[close[0]] if close else ""
