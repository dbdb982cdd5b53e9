"""Pieces of Markdown around text that may contain anything. Pure.

Source: GitHub Flavored Markdown 0.29, tables, list items and fenced code blocks.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_INLINE_LIMIT = 300
_LISTED = 12


def inline(text: str, limit: int = _INLINE_LIMIT) -> str:
    """Return `text` as one line of at most `limit` characters, with all markup escaped."""
    return re.sub(r"([\\`*_\[\]<>|~&#])", r"\\\1", _line(text, limit))


def code(text: str) -> str:
    """Return `text` as inline code; not for tables, where a `|` would still end the cell."""
    line = _line(text, _INLINE_LIMIT)
    longest = max((len(run) for run in re.findall(r"`+", line)), default=0)
    space = " " if longest else ""
    return f"{'`' * (longest + 1)}{space}{line}{space}{'`' * (longest + 1)}"


def block(text: str) -> str:
    """Return a code block; its fence is longer than any fence inside."""
    longest = max((len(run) for run in re.findall(r"`{3,}", text)), default=2)
    fence = "`" * (longest + 1)
    return f"{fence}text\n{text}\n{fence}"


def indented(text: str) -> str:
    """Return `text` as a further paragraph of a list item."""
    return "\n".join(f"  {line}".rstrip() for line in text.split("\n"))


def excerpt(text: str, limit: int) -> str:
    """Return at most `limit` characters of `text`: a part of its beginning, and a longer part of its end."""
    if len(text) <= limit:
        return text
    head = limit // 4
    return f"{text[:head]}\n… {len(text) - limit} characters are left out …\n{text[head - limit :]}"


def listed(texts: Sequence[str]) -> str:
    """Return names as code, only the first ones of many."""
    shown = ", ".join(code(text) for text in texts[:_LISTED])
    return shown if len(texts) <= _LISTED else f"{shown} and {len(texts) - _LISTED} more"


def table(titles: Sequence[str], sides: str, rows: Sequence[Sequence[str]]) -> str:
    """Return a table; `sides` has an `r` for each right-aligned column."""
    ruler = ["--:" if side == "r" else "---" for side in sides]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (titles, ruler, *rows))


def folded(title: str, text: str) -> str:
    """Return `text` in a block that a click on its title opens."""
    return f"<details><summary>{title}</summary>\n\n{text}\n\n</details>"


def _line(text: str, limit: int) -> str:
    line = " ".join(text.split())
    return line if len(line) <= limit else f"{line[: limit - 1]}…"
