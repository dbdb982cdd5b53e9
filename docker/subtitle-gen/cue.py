"""From lines of any length to cues that fit on a screen."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from dataclasses import dataclass

from contract.span import Span

WIDTH = 42
"""Characters a row. Source: Netflix timed text style guide, English."""
ROWS = 2
MIN_LENGTH_S = 0.7


@dataclass(frozen=True, slots=True, kw_only=True)
class Cue:
    """What stands on the screen at once: at most two rows, parted by a line break."""

    start_s: float
    end_s: float
    text: str
    sung: bool


def cues(span: Span, text: str, *, sung: bool) -> Iterator[Cue]:
    """Yield the cues of one line: as few as hold it, each for a time in proportion to its text."""
    words = " ".join(text.split())
    if not words:
        return
    pages = _pages(words)
    total = sum(len(page) for page in pages)
    start_s, spoken = span.start_s, 0
    for page in pages:
        spoken += len(page)
        end_s = span.start_s + span.length_s * spoken / total
        yield Cue(start_s=round(start_s, 3), end_s=round(end_s, 3), text=_rows(page), sung=sung)
        start_s = end_s


def unhurried(found: list[Cue]) -> list[Cue]:
    """Return `found` with short cues kept for `MIN_LENGTH_S`, as far as the next one leaves room."""
    kept: list[Cue] = []
    for index, cue in enumerate(found):
        end_s = max(cue.end_s, cue.start_s + MIN_LENGTH_S)
        if index + 1 < len(found):
            end_s = max(cue.end_s, min(end_s, found[index + 1].start_s))
        kept.append(Cue(start_s=cue.start_s, end_s=round(end_s, 3), text=cue.text, sung=cue.sung))
    return kept


def _wrap(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, width, break_on_hyphens=False)


def _pages(words: str) -> list[str]:
    rows = _wrap(words, WIDTH)
    return [" ".join(rows[index : index + ROWS]) for index in range(0, len(rows), ROWS)]


def _rows(page: str) -> str:
    """Return `page` on one row where it fits, else on two of about the same length."""
    if len(page) <= WIDTH:
        return page
    for width in range((len(page) + 1) // 2, WIDTH + 1):
        rows = _wrap(page, width)
        if len(rows) <= ROWS:
            return "\n".join(rows)
    return "\n".join(_wrap(page, WIDTH))
