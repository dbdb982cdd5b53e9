"""What users see during a run and at its end; all of it is made from the run's events."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum
from typing import TextIO, assert_never

from ci.cli.display.plain import PlainRun
from ci.cli.display.stream import Stream
from ci.report.events import (
    Event,
)
from ci.report.outcome import Outcome
from ci.report.report import Report
from ci.report.table import end_lines

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
    """Return `progress` with `auto` resolved: a terminal that can move its cursor gets the live display."""
    if progress is not Progress.auto:
        return progress
    in_ci = environ.get("CI", "").lower() not in ("", "0", "false", "no")
    live = is_terminal and not in_ci and environ.get("TERM") != "dumb"
    return Progress.rich if live else Progress.plain


@contextmanager
def shown(
    progress: Progress, *, stream: TextIO, environ: Mapping[str, str], clock: Callable[[], float]
) -> Iterator[Callable[[Event], None]]:
    """Yield the listener that shows events on `stream` in this form, until the block ends."""
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
            raise AssertionError("auto was resolved above")
        case _:
            assert_never(choice)


def print_end_table(report: Report, *, stream: TextIO, environ: Mapping[str, str]) -> None:
    """Write the table, the failures with the last lines of each, warnings, and a summary sentence.

    Colours on a terminal, unless NO_COLOR is set. Source: https://no-color.org
    """
    out = Stream(stream)
    colour = out.is_terminal and not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"
    for line in end_lines(report, width=out.width):
        code = _COLOURS[line.outcome] if colour and line.outcome is not None else None
        out.line(line.text, colour=code)
