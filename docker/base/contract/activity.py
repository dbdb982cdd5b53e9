"""From one probability a frame to spans."""

from __future__ import annotations

from collections.abc import Sequence

from contract.span import Span, union


def active_spans(
    scores: Sequence[float],
    *,
    step_s: float,
    length_s: float,
    onset: float = 0.5,
    offset: float = 0.35,
    min_active_s: float = 0.25,
    min_pause_s: float = 0.1,
    pad_s: float = 0.03,
) -> list[Span]:
    """Return where `scores` rise to `onset` until they fall below `offset`.

    Frame `i` stands for `step_s` seconds from `i * step_s`. A pause shorter than `min_pause_s` does not end a
    span, a span shorter than `min_active_s` is dropped, and what is left grows by `pad_s` on both sides,
    within 0 and `length_s`.
    """
    raw: list[tuple[float, float]] = []
    start: int | None = None
    for index, score in enumerate(scores):
        if start is None and score >= onset:
            start = index
        elif start is not None and score < offset:
            raw.append((start * step_s, index * step_s))
            start = None
    if start is not None:
        raw.append((start * step_s, len(scores) * step_s))

    joined: list[tuple[float, float]] = []
    for begin_s, end_s in raw:
        if joined and begin_s - joined[-1][1] < min_pause_s:
            joined[-1] = (joined[-1][0], end_s)
        else:
            joined.append((begin_s, end_s))

    spans: list[Span] = []
    for begin_s, end_s in joined:
        if end_s - begin_s < min_active_s:
            continue
        begin_s, end_s = max(0.0, begin_s - pad_s), min(length_s, end_s + pad_s)
        if begin_s < end_s:
            spans.append(Span(start_s=round(begin_s, 3), end_s=round(end_s, 3)))
    return union(spans)
