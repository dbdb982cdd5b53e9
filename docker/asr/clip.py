"""From spans of speech to the clips that Whisper hears."""

from __future__ import annotations

from collections.abc import Sequence

from contract.span import Span, union

LONGEST_S = 28.0
"""Whisper hears 30 seconds at once; each clip costs one run, however short."""


def clips(spans: Sequence[Span], longest_s: float = LONGEST_S) -> list[Span]:
    """Return `spans` in order, neighbours joined as long as the whole is no longer than `longest_s`.

    A span that is longer by itself stays whole: the recogniser goes through it window by window.
    """
    joined: list[Span] = []
    for span in union(spans):
        if joined and span.end_s - joined[-1].start_s <= longest_s:
            joined[-1] = Span(start_s=joined[-1].start_s, end_s=span.end_s)
        else:
            joined.append(span)
    return joined
