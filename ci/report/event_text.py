"""An event of a run as one line of text, if there is no display. Pure."""

from __future__ import annotations

from typing import assert_never

from ci.report.events import (
    Event,
    Note,
    TaskEnded,
    Warned,
)
from ci.report.outcome import Outcome
from ci.report.units import size_text, time_text


def line_of(event: Event) -> str:
    """Return the line of `event` for a log; empty for events that have none."""
    match event:
        case TaskEnded():
            failure = f"\n{event.failure.message}" if event.failure else ""
            return f"{event.time_s:7.1f} s  {event.task}  {event.outcome}{failure}"
        case Note():
            return f"{event.time_s:7.1f} s  {event.text}"
        case Warned():
            return f"{event.time_s:7.1f} s  warning: {event.text}"
        case _:
            return ""


def ended_text(event: TaskEnded) -> str:
    """Return how a task ended in a few words: `built in 12.3 s, 170 MB`."""
    outcome = str(event.outcome)
    match event.outcome:
        case Outcome.built:
            size = event.details.unpacked_bytes
            more = f", {size_text(size)}" if size is not None else ""
            return f"{outcome} in {time_text(event.seconds)}{more}"
        case Outcome.reused:
            return f"{outcome}: {event.details.reason}" if event.details.reason else outcome
        case Outcome.failed:
            message = event.failure.message.strip() if event.failure is not None else ""
            return f"{outcome} after {time_text(event.seconds)}: {message.partition(chr(10))[0].rstrip(':')}"
        case Outcome.blocked:
            return f"{outcome} by {', '.join(event.blocked_by)}"
        case Outcome.cancelled | Outcome.planned | Outcome.unfinished:
            return outcome
        case _:
            assert_never(event.outcome)
