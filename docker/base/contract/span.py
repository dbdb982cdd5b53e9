"""Stretches of time, in seconds from the start of the film."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Annotated, Self

from pydantic import Field, model_validator

from contract.document import Value

Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Span(Value):
    """From `start_s` up to `end_s`, which lies later."""

    start_s: Seconds
    end_s: Seconds

    @model_validator(mode="after")
    def _has_length(self) -> Self:
        if self.end_s <= self.start_s:
            raise ValueError(f"a span ends after it starts, not from {self.start_s} s to {self.end_s} s")
        return self

    @property
    def length_s(self) -> float:
        """Its length in seconds."""
        return self.end_s - self.start_s


def in_order(spans: Sequence[Span]) -> None:
    """Check that `spans` stand by start time.

    Raises:
        ValueError: one starts before the one in front of it.
    """
    for left, right in pairwise(spans):
        if right.start_s < left.start_s:
            raise ValueError(f"spans stand by start time; {right.start_s} s follows {left.start_s} s")


def union(spans: Iterable[Span]) -> list[Span]:
    """Return `spans` in order, those that touch or overlap as one."""
    merged: list[Span] = []
    for span in sorted(spans, key=lambda each: each.start_s):
        if merged and span.start_s <= merged[-1].end_s:
            last = merged.pop()
            span = Span(start_s=last.start_s, end_s=max(last.end_s, span.end_s))
        merged.append(Span(start_s=span.start_s, end_s=span.end_s))
    return merged


def intersection(left: Iterable[Span], right: Iterable[Span]) -> list[Span]:
    """Return the time that lies in both, in order."""
    ones, others = union(left), union(right)
    shared: list[Span] = []
    one = other = 0
    while one < len(ones) and other < len(others):
        start_s = max(ones[one].start_s, others[other].start_s)
        end_s = min(ones[one].end_s, others[other].end_s)
        if start_s < end_s:
            shared.append(Span(start_s=start_s, end_s=end_s))
        if ones[one].end_s <= others[other].end_s:
            one += 1
        else:
            other += 1
    return shared


def overlap_s(left: Span, right: Span) -> float:
    """Return how many seconds two spans share."""
    return max(0.0, min(left.end_s, right.end_s) - max(left.start_s, right.start_s))
