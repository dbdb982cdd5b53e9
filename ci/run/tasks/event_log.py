"""The event log of a run: a file of JSON lines, and its listeners."""

import contextlib
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self, TextIO

from ci.bounded.file import read_file
from ci.errors import UsageError
from ci.report.events import Event, Note, Step, Warned, event_line, event_of
from ci.report.redacted import without_secrets
from ci.run.workspace.run_directory import PRIVATE

Clock = Callable[[], float]
"""Seconds from any fixed moment, never going back (`time.monotonic`)."""

Listener = Callable[[Event], None]


class EventLog:
    """Writes events to `path`, each flushed, so that a killed run leaves a readable log.

    Secrets are hidden in it. Each event is handed to all `listeners` too, after it was written. May be used
    from several threads.
    A log that can't be written any more (a full disk) is a warning to the listeners, not the end of the run.
    """

    def __init__(self, path: Path, *, clock: Clock, listeners: Sequence[Listener] = ()) -> None:
        try:
            path.touch(PRIVATE, exist_ok=False)
            self._file: TextIO | None = path.open("a", encoding="ascii", newline="\n")
        except OSError as error:
            raise UsageError(
                f"{path}: the event log of this run can't be written ({error.strerror})",
                hint="use `--root DIR` with a directory that this user can write to",
            ) from error
        self._path = path
        self._clock = clock
        self._opened_s = clock()
        self._listeners = tuple(listeners)
        self._lock = threading.RLock()
        self._events: list[Event] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def clock(self) -> Clock:
        """What its events are timed by."""
        return self._clock

    @property
    def path(self) -> Path:
        """The file that is written."""
        return self._path

    @property
    def events(self) -> tuple[Event, ...]:
        """All events so far, in order."""
        with self._lock:
            return tuple(self._events)

    def emit(self, event: Event) -> None:
        """Add the seconds since the log was opened to `event`, write it, hand it to the listeners."""
        with self._lock:
            stamped = without_secrets(event).model_copy(
                update={"time_s": round(self._clock() - self._opened_s, 3)}
            )
            self._events.append(stamped)
            fault = self._write(stamped)
            for listener in self._listeners:
                listener(stamped)
            if fault is not None:
                self.emit(fault)

    def step(self, task: str, text: str) -> None:
        """Record that `task` reached the step `text`."""
        self.emit(Step(task=task, text=text))

    def note(self, text: str, *, task: str | None = None) -> None:
        """Record a note for the user."""
        self.emit(Note(text=text, task=task))

    def warning(self, text: str, *, task: str | None = None) -> None:
        """Record an error that does not end the run."""
        self.emit(Warned(text=text, task=task))

    def close(self) -> None:
        """Close the file; events that come later reach the listeners only."""
        with self._lock:
            if self._file is not None:
                self._file.close()
                self._file = None

    def _write(self, event: Event) -> Warned | None:
        if self._file is None:
            return None
        try:
            self._file.write(event_line(event))
            self._file.flush()
        except OSError as error:
            broken, self._file = self._file, None
            with contextlib.suppress(OSError):
                broken.close()
            return Warned(
                text=f"{self._path}: the event log can't be written any more ({error.strerror}); "
                "the run goes on, its log ends here"
            )
        return None


def read_events(path: Path) -> tuple[Event, ...]:
    """Return the events of the log at `path`; a last line that a killed run left unfinished is left out.

    Raises:
        UsageError: there is no readable log at `path`, or a line in it is no event.
    """
    try:
        lines = read_file(path).decode(errors="replace").split("\n")
    except OSError as error:
        raise UsageError(
            f"{path}: no event log can be read here ({error.strerror})",
            hint="name the directory of a run",
        ) from error
    events: list[Event] = []
    unfinished = lines.pop()  # "" when the last line ends as it should
    for number, line in enumerate(lines, start=1):
        try:
            events.append(event_of(line))
        except ValueError as error:
            raise UsageError(
                f"{path}:{number}: not an event of a run: the log was changed, or written by another version "
                "of dockwright"
            ) from error
    if unfinished:
        try:
            events.append(event_of(unfinished))
        except ValueError:
            return tuple(events)
    return tuple(events)
