"""The live display, as one frame and on a terminal."""

import io

import pytest
from rich.console import Console

from ci.cli.display.live import LiveRun
from ci.cli.display.progress import Progress, shown
from ci.cli.display.stream import Stream
from ci.report.events import Step, TaskEnded, TaskStarted
from ci.report.outcome import Outcome
from tests.unit.cli.display.test_progress import Terminal
from tests.unit.report.runs import RUN, STARTED


class Clock:
    now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def frame(live: LiveRun, width: int) -> list[str]:
    console = Console(file=io.StringIO(), width=width, color_system=None)
    with console.capture() as capture:
        console.print(live.view())
    return [line.rstrip() for line in capture.get().splitlines()]


def live_run(clock: Clock, *, width: int = 60, height: int = 24) -> tuple[LiveRun, io.StringIO]:
    out = Terminal()
    console = Console(file=out, width=width, height=height, color_system=None, force_terminal=True)
    return LiveRun(Stream(out), clock=clock, console=console), out


def test_a_frame_shows_what_runs_its_step_and_how_long() -> None:
    clock = Clock()
    live, _ = live_run(clock)
    live.show(STARTED)
    live.show(TaskStarted(task="wheelhouse:cpu"))
    live.show(Step(task="wheelhouse:cpu", text="[bold]pip\x1b[31m download[/bold]"))
    clock.now_s += 65
    live.show(TaskStarted(task="base:cpu"))
    clock.now_s += 2
    assert frame(live, 60) == [
        "wheelhouse:cpu [bold]pip  download[/bold]           1 m 07 s",
        "base:cpu                                               2.0 s",
        "0 of 4 tasks   2 running                            1 m 07 s",
    ]


@pytest.mark.parametrize("width", [1, 5, 12, 20, 30, 200])
def test_a_frame_fits_any_width_in_as_many_lines(width: int) -> None:
    live, _ = live_run(Clock())
    live.show(STARTED)
    live.show(TaskStarted(task="second-pass-translation:cpu"))
    live.show(Step(task="second-pass-translation:cpu", text="word " * 100))
    lines = frame(live, width)
    assert len(lines) == 2
    assert max(map(len, lines)) <= width


def test_a_frame_fits_a_low_terminal() -> None:
    live, _ = live_run(Clock(), height=5)
    for number in range(9):
        live.show(TaskStarted(task=f"t{number}"))
    assert len(frame(live, 60)) == 4


def test_failures_are_counted_and_what_ended_is_printed_once() -> None:
    live, out = live_run(Clock(), width=100)
    with live:
        for event in RUN[:9]:
            live.show(event)
        assert frame(live, 60)[-1].startswith("3 of 4 tasks")
        assert "0 running, 1 failed" in frame(live, 60)[-1]
    text = out.getvalue()
    assert text.count("base:cpu  reused: its key is in the store") == 1
    assert text.count("warning: base-ml:cpu: the cache can't be read") == 1
    assert text.endswith("\x1b[?25h\r\x1b[1A\x1b[2K")  # the cursor is back, the display gone


class AsciiTerminal(io.TextIOWrapper):
    """A terminal of another age."""

    def isatty(self) -> bool:
        return True


def test_the_display_survives_a_terminal_that_is_not_unicode() -> None:
    raw = io.BytesIO()
    with (
        AsciiTerminal(raw, encoding="ascii") as stream,
        shown(Progress.rich, stream=stream, environ={}, clock=Clock()) as show,
    ):
        show(STARTED)
        show(TaskStarted(task="base:cpu"))
        show(Step(task="base:cpu", text="✓ " * 100))
        show(TaskStarted(task="mux:cpu"))
        show(TaskEnded(task="base:cpu", outcome=Outcome.built, seconds=1))
        stream.flush()
        text = raw.getvalue().decode("ascii")
    assert "base:cpu  built in 1.0 s" in text
    assert "? ? ? ?" in text


def test_the_display_survives_a_terminal_that_was_closed() -> None:
    out = Terminal()
    with shown(Progress.rich, stream=out, environ={}, clock=Clock()) as show:
        out.close()
        show(STARTED)
        show(TaskEnded(task="base:cpu", outcome=Outcome.built))
    assert out.closed
