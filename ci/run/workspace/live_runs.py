"""Which runs of one state directory are alive: each holds the lock of a file of its own while it lives.

The lock goes with the process, however that ends, so no pid, clock or heartbeat decides. The file's path is
the run's mark: its children carry it in `DOCKWRIGHT_RUN`, its working containers in their records.
Source: flock(2).
"""

from __future__ import annotations

import os
import sys
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO

FOLDER = "living"
GUARD = ".guard"
"""Held for moments, while a mark is made or looked at: none is seen before its lock is held."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunMarker:
    """One run, known by its mark `<state>/living/<YYYYMMDD-HHMMSS>-<pid>-<8 hex>`."""

    mark: Path

    @property
    def name(self) -> str:
        """What its folder of temporary files is called, and its working containers begin with."""
        return self.mark.name

    @property
    def pid(self) -> int:
        """Its process id; another process may have it by now if the run is dead."""
        return int(self.name.split("-")[2])

    @property
    def started(self) -> str:
        """When it started, for a person."""
        day, clock = self.name.split("-")[:2]
        return f"{day[:4]}-{day[4:6]}-{day[6:]} {clock[:2]}:{clock[2:4]}:{clock[4:]}"


@contextmanager
def live(state: Path, *, now: datetime) -> Iterator[RunMarker]:
    """Be a living run of `state` until the block, or the process, ends."""
    name = f"{now:%Y%m%d-%H%M%S}-{os.getpid()}-{uuid.uuid4().hex[:8]}"
    mark = (state / FOLDER / name).absolute()
    mark.parent.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        with _guard(state):
            file = stack.enter_context(mark.open("x"))
            _try_lock(file)
        try:
            yield RunMarker(mark=mark)
        finally:
            with suppress(FileNotFoundError):
                mark.unlink()


def live_runs(state: Path) -> tuple[RunMarker, ...]:
    """Return the runs of `state` that are alive, the calling one included, the oldest first."""
    with _guard(state), ExitStack() as stack:
        return tuple(life for life in _lives(state) if not _taken(life, stack))


@contextmanager
def stale_runs(state: Path) -> Iterator[tuple[RunMarker, ...]]:
    """Give the runs of `state` that ended without removing their mark; nobody else is given them meanwhile.

    Who has cleaned up after one removes its mark.
    """
    with ExitStack() as stack:
        with _guard(state):
            found = tuple(life for life in _lives(state) if _taken(life, stack))
        yield found


def _lives(state: Path) -> list[RunMarker]:
    folder = (state / FOLDER).absolute()
    if sys.platform == "win32" or not folder.is_dir():
        return []
    return [RunMarker(mark=path) for path in sorted(folder.iterdir()) if not path.name.startswith(".")]


def _taken(life: RunMarker, stack: ExitStack) -> bool:
    """Take a run's lock for as long as `stack` is open; return whether that was possible."""
    try:
        file = life.mark.open("r+")
    except OSError:
        return False
    if not _try_lock(file):
        file.close()
        return False
    stack.enter_context(file)
    return True


@contextmanager
def _guard(state: Path) -> Iterator[None]:
    folder = state / FOLDER
    if sys.platform == "win32" or not folder.is_dir():
        yield
        return
    import fcntl

    with (folder / GUARD).open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _try_lock(file: IO[str]) -> bool:
    if sys.platform == "win32":
        return True
    import fcntl

    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
