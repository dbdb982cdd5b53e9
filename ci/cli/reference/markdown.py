"""Tables and code in Markdown, as every page of the reference has them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

NOTE = "<!-- Generated: `python -m ci.cli.reference` writes this page anew. Do not edit it. -->"
"""What stands at the top of each page, below its title."""


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Return the lines of a table; a bar in a cell is escaped."""
    lines = [headings, ["---"] * len(headings), *rows]
    return [f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines]


def code(text: str) -> str:
    """Return `text` as code within a line; empty where it is empty."""
    return f"`{text}`" if text else ""


def block(text: str, language: str = "") -> list[str]:
    """Return the lines of a block of code."""
    return [f"```{language}", *text.splitlines(), "```"]


def page(title: str, parts: Iterable[Sequence[str]]) -> str:
    """Return a page: its title, the note that it is generated, and parts with an empty line between them."""
    blocks = [[f"# {title}"], [NOTE], *(part for part in parts if part)]
    return "\n\n".join("\n".join(lines) for lines in blocks) + "\n"
