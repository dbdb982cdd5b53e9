"""An event of a run as one line of text, for where no display is."""

from __future__ import annotations

from ci.report.events import Event, Note, TaskEnded, Warned


def line_of(event: Event) -> str:
    """Return what a reader of a log wants to know of `event`; empty for what says nothing alone."""
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
