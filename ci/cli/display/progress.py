"""What a person sees while a run goes on and when it has ended; all of it is made of the run's events."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum
from typing import TextIO, assert_never

from ci.cli.display.stream import Stream
from ci.report.ending import end_lines
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
from ci.report.report import Report
from ci.report.units import size_text, time_text

_COLOURS = {
    Outcome.built: "32",
    Outcome.reused: "2",
    Outcome.planned: "0",
    Outcome.unfinished: "33",
    Outcome.failed: "31",
    Outcome.blocked: "33",
    Outcome.cancelled: "33",
}


class Progress(StrEnum):
    """How a run is shown: `auto` is `rich` on a terminal, else (and in CI) `plain`."""

    auto = "auto"
    rich = "rich"
    plain = "plain"
    quiet = "quiet"


def resolved(progress: Progress, *, is_terminal: bool, environ: Mapping[str, str]) -> Progress:
    """Return `progress` with `auto` decided: a terminal that can move its cursor gets the live display."""
    if progress is not Progress.auto:
        return progress
    in_ci = environ.get("CI", "").lower() not in ("", "0", "false", "no")
    live = is_terminal and not in_ci and environ.get("TERM") != "dumb"
    return Progress.rich if live else Progress.plain


@contextmanager
def shown(
    progress: Progress, *, stream: TextIO, environ: Mapping[str, str], clock: Callable[[], float]
) -> Iterator[Callable[[Event], None]]:
    """Give the listener that shows events on `stream` as `progress` says, until the block ends."""
    out = Stream(stream)
    choice = resolved(progress, is_terminal=out.is_terminal, environ=environ)
    match choice:
        case Progress.rich:
            from ci.cli.display.live import LiveRun  # rich takes a tenth of a second to import

            with LiveRun(out, clock=clock) as live:
                yield live.show
        case Progress.plain:
            yield PlainRun(out).show
        case Progress.quiet:
            yield PlainRun(out, quiet=True).show
        case Progress.auto:
            raise AssertionError("auto was decided above")
        case _:
            assert_never(choice)


class PlainRun:
    """One line per event: the seconds since the run began, the task, what happened.

    With `quiet`, failures and warnings alone.
    """

    def __init__(self, out: Stream, *, quiet: bool = False) -> None:
        self._out = out
        self._quiet = quiet
        self._room = 0
        self._total = 0
        self._done = 0

    def show(self, event: Event) -> None:
        """Write the line of `event`, if it has one."""
        match event:
            case RunStarted():
                self._total = len(event.tasks)
                self._room = min(32, max((len(task.id) for task in event.tasks), default=0))
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
                text = f"{ended_text(event)} ({self._done}/{self._total})"
                self._line(event.time_s, event.task, text, always=event.outcome is Outcome.failed)
            case Checked() | DiskUsed() | RunEnded():
                pass
            case _:
                assert_never(event)

    def _line(self, time_s: float, task: str, text: str, *, always: bool = False) -> None:
        if always or not self._quiet:
            self._out.line(f"{time_s:8.1f} s  {task:<{self._room}}  {text}".rstrip())


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


def print_end_table(report: Report, *, stream: TextIO, environ: Mapping[str, str]) -> None:
    """Write the table, the failures with the last lines of each, warnings, and one sentence of sum.

    Colours on a terminal, unless NO_COLOR is set. Source: https://no-color.org
    """
    out = Stream(stream)
    colour = out.is_terminal and not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"
    for line in end_lines(report, width=out.width):
        code = _COLOURS[line.outcome] if colour and line.outcome is not None else None
        out.line(line.text, colour=code)
