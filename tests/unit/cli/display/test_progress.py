"""What a person sees of a run."""

import io

import pytest

from ci.cli.display.progress import Progress, print_end_table, resolved, shown
from ci.report.event_text import ended_text
from ci.report.events import Details, Event, Failure, Note, TaskEnded
from ci.report.outcome import Outcome
from ci.report.report import Report, report_of
from tests.unit.report.runs import RUN


class Terminal(io.StringIO):
    """Takes itself for a terminal."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


def seen(progress: Progress, events: tuple[Event, ...] = RUN, encoding: str = "utf-8") -> str:
    raw = io.BytesIO()
    with (
        io.TextIOWrapper(raw, encoding=encoding, newline="\n") as stream,
        shown(progress, stream=stream, environ={}, clock=lambda: 0.0) as show,
    ):
        for event in events:
            show(event)
        stream.flush()
        return raw.getvalue().decode(encoding)


@pytest.mark.parametrize(
    ("progress", "is_terminal", "environ", "choice"),
    [
        (Progress.auto, True, {"TERM": "xterm"}, Progress.rich),
        (Progress.auto, False, {"TERM": "xterm"}, Progress.plain),
        (Progress.auto, True, {"TERM": "dumb"}, Progress.plain),
        (Progress.auto, True, {"CI": "true"}, Progress.plain),
        (Progress.auto, True, {"CI": "false"}, Progress.rich),
        (Progress.auto, True, {"CI": ""}, Progress.rich),
        (Progress.rich, False, {"CI": "true"}, Progress.rich),
        (Progress.quiet, True, {}, Progress.quiet),
    ],
)
def test_auto_is_the_live_display_where_somebody_can_watch_it(
    progress: Progress, is_terminal: bool, environ: dict[str, str], choice: Progress
) -> None:
    assert resolved(progress, is_terminal=is_terminal, environ=environ) is choice


PLAIN = """\
     0.1 s  wheelhouse:cpu  start
    34.1 s  wheelhouse:cpu  built in 34.0 s (1 of 4 tasks)
    34.1 s  base:cpu        start
    34.2 s  base:cpu        reused: its key is in the store (2 of 4 tasks)
    34.2 s  base-ml:cpu     start
    35.0 s  base-ml:cpu     Wheels
    36.0 s  base-ml:cpu     warning: the cache can't be read
    95.2 s  base-ml:cpu     failed after 1 m 01 s: docker/base-ml: step 4 (Wheels) failed (3 of 4 tasks)
    95.2 s  asr:cpu         blocked by base-ml:cpu (4 of 4 tasks)
"""


def test_plain_is_one_line_per_event() -> None:
    assert seen(Progress.plain) == PLAIN
    assert seen(Progress.auto) == PLAIN


def test_quiet_tells_warnings_and_failures_alone() -> None:
    lines = PLAIN.splitlines(keepends=True)
    assert seen(Progress.quiet) == "".join(lines[6:8])


def test_a_note_without_a_task_stands_alone() -> None:
    note = Note(text="the base is bootstrapped ✓", time_s=1.0)
    assert seen(Progress.plain, (note,), "ascii") == "     1.0 s    the base is bootstrapped ?\n"


@pytest.mark.parametrize(
    ("end", "text"),
    [
        (
            TaskEnded(
                task="a", outcome=Outcome.built, seconds=12.3, details=Details(unpacked_bytes=170_000_000)
            ),
            "built in 12.3 s, 170 MB",
        ),
        (TaskEnded(task="a", outcome=Outcome.reused), "reused"),
        (
            TaskEnded(task="a", outcome=Outcome.failed, seconds=1, failure=Failure(message="no:\nmore")),
            "failed after 1.0 s: no",
        ),
        (TaskEnded(task="a", outcome=Outcome.blocked, blocked_by=("b", "c")), "blocked by b, c"),
        (TaskEnded(task="a", outcome=Outcome.cancelled), "cancelled"),
    ],
)
def test_an_end_is_told_in_a_few_words(end: TaskEnded, text: str) -> None:
    assert ended_text(end) == text


def test_the_end_table_is_followed_by_failures_warnings_and_the_sum() -> None:
    out = io.StringIO()
    print_end_table(report_of(RUN), stream=out, environ={})
    lines = out.getvalue().splitlines()
    assert lines[0].startswith("image    variant")
    assert lines[8] == "base-ml:cpu failed:"
    assert lines[-2:] == [
        "warning: base-ml:cpu: the cache can't be read",
        "3 images: 1 reused, 1 failed, 1 blocked (1 m 35 s)",
    ]


@pytest.mark.parametrize(
    ("environ", "colours"), [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)]
)
def test_a_terminal_gets_colours_unless_it_does_not_want_them(environ: dict[str, str], colours: bool) -> None:
    out = Terminal()
    print_end_table(report_of(RUN), stream=out, environ=environ)
    assert ("\x1b[31mbase-ml" in out.getvalue()) is colours


def test_an_empty_run_still_has_its_sentence() -> None:
    out = io.StringIO()
    print_end_table(Report(complete=True), stream=out, environ={})
    assert out.getvalue() == "\nno image was requested (0.0 s)\n"
