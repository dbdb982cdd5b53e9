"""The live display of a run on a terminal: finished tasks scroll away, running ones stay at the bottom."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Self, TextIO, assert_never, cast

from rich.console import Console, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

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
from ci.report.units import time_text

_STYLES = {
    Outcome.built: "green",
    Outcome.reused: "dim",
    Outcome.planned: "none",
    Outcome.unfinished: "yellow",
    Outcome.failed: "bold red",
    Outcome.blocked: "yellow",
    Outcome.cancelled: "yellow",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Running:
    task: str
    started_s: float
    step: str = ""


class LiveRun:
    """Shows events on a terminal. The display is redrawn four times a second, so that times are current."""

    def __init__(self, out: Stream, *, clock: Callable[[], float], console: Console | None = None) -> None:
        self._out = out
        self._clock = clock
        self._console = console if console is not None else Console(file=cast("TextIO", out), highlight=False)
        self._lock = threading.Lock()
        self._running: dict[str, _Running] = {}
        self._done = self._failed = self._total = 0
        self._began_s = clock()
        self._live = Live(
            console=self._console, get_renderable=self.view, refresh_per_second=4, transient=True
        )

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._live.stop()

    def show(self, event: Event) -> None:
        """Show `event`. The end of a task is printed above the display and stays."""
        match event:
            case RunStarted():
                self._total, self._began_s = len(event.tasks), self._clock()
                self._live.refresh()
            case TaskStarted():
                with self._lock:
                    self._running[event.task] = _Running(task=event.task, started_s=self._clock())
                self._live.refresh()
            case Step():
                with self._lock:
                    if event.task in self._running:
                        self._running[event.task] = replace(self._running[event.task], step=event.text)
            case TaskEnded():
                with self._lock:
                    self._running.pop(event.task, None)
                    self._done += 1
                    self._failed += event.outcome is Outcome.failed
                self._print(f"{event.task}  {ended_text(event)}", _STYLES[event.outcome])
                self._live.refresh()  # because printing repeats the frame before it
            case Note():
                self._print(f"{event.task}  {event.text}" if event.task else event.text, "none")
            case Warned():
                text = f"{event.task}: {event.text}" if event.task else event.text
                self._print(f"warning: {text}", "yellow")
            case Checked() | DiskUsed() | RunEnded():
                pass
            case _:
                assert_never(event)

    def view(self) -> RenderableType:
        """Return the current display: one line per running task, and one for the whole run."""
        now_s = self._clock()
        with self._lock:
            running, done, failed = tuple(self._running.values()), self._done, self._failed
        table = Table.grid(padding=(0, 1), expand=True)
        table.add_column(no_wrap=True, overflow="ellipsis", ratio=2)
        table.add_column(no_wrap=True, overflow="ellipsis", ratio=5)
        table.add_column(no_wrap=True, overflow="crop", justify="right", min_width=9)
        for one in running[: max(1, self._console.size.height - 2)]:
            table.add_row(
                Text(self._out.printable(one.task), style="bold"),
                Text(self._out.printable(one.step)),
                Text(time_text(now_s - one.started_s)),
            )
        table.add_row(
            Text(f"{done} of {self._total} tasks", style="bold"),
            Text(f"{len(running)} running{f', {failed} failed' if failed else ''}", style="dim"),
            Text(time_text(now_s - self._began_s)),
        )
        return table

    def _print(self, text: str, style: str) -> None:
        self._console.print(Text(self._out.printable(text), style=style))
