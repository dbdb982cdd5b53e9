"""A run as plain lines, for logs and pipes."""

from __future__ import annotations

from typing import assert_never

from ci.cli.display.stream import Stream
from ci.report.event_text import ended_text
from ci.report.events import (
    Checked,
    DiskUsed,
    Event,
    Note,
    RunEnded,
    RunStarted,
    Step,
    TaskEnded,
    TaskStarted,
    Warned,
)
from ci.report.outcome import Outcome


class PlainRun:
    """One line per event: the seconds since the run began, the task, what happened.

    With `quiet`, only failures and warnings.
    """

    def __init__(self, out: Stream, *, quiet: bool = False) -> None:
        self._out = out
        self._quiet = quiet
        self._task_width = 0
        self._total = 0
        self._done = 0

    def show(self, event: Event) -> None:
        """Write the line of `event`, if it has one."""
        match event:
            case RunStarted():
                self._total = len(event.tasks)
                self._task_width = min(32, max((len(task.id) for task in event.tasks), default=0))
            case TaskStarted():
                self._line(event.time_s, event.task, "start")
            case Step():
                self._line(event.time_s, event.task, event.text)
            case Note():
                self._line(event.time_s, event.task or "", event.text)
            case Warned():
                self._line(event.time_s, event.task or "", f"warning: {event.text}", always=True)
            case TaskEnded():
                self._done += 1
                text = f"{ended_text(event)} ({self._done} of {self._total} tasks)"
                self._line(event.time_s, event.task, text, always=event.outcome is Outcome.failed)
            case Checked() | DiskUsed() | RunEnded():
                pass
            case _:
                assert_never(event)

    def _line(self, time_s: float, task: str, text: str, *, always: bool = False) -> None:
        if always or not self._quiet:
            self._out.line(f"{time_s:8.1f} s  {task:<{self._task_width}}  {text}".rstrip())
