"""Which runs of one state directory are live: each holds a lock on its marker file until its process exits.

The kernel releases the lock when the process ends, however that ends, so no pid, clock or heartbeat decides.
The path of the file identifies the run: its child processes have it in `DOCKWRIGHT_RUN`, its working
containers in their records. Source: flock(2).
"""

from __future__ import annotations

import os
import re
import sys
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO

FOLDER = "live-runs"
_NAME = re.compile(r"\d{8}-\d{6}-\d{1,10}-[0-9a-f]{8}")
GUARD = ".guard"
"""Locked for moments while marker files are made or inspected, so that none is seen before it is locked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunMarker:
    """One run; `path` is its marker file `<state>/live-runs/<YYYYMMDD-HHMMSS>-<pid>-<8 hex>`."""

    path: Path

    @property
    def name(self) -> str:
        """The name of its folder of temporary files, and the prefix of its working containers."""
        return self.path.name

    @property
    def pid(self) -> int:
        """Its process id; of a stale run another process may have it by now."""
        return int(self.name.split("-")[2])

    @property
    def started(self) -> str:
        """When it started, for the user: `2026-12-01 09:08:07`."""
        day, clock = self.name.split("-")[:2]
        return f"{day[:4]}-{day[4:6]}-{day[6:]} {clock[:2]}:{clock[2:4]}:{clock[4:]}"


@contextmanager
def live(state: Path, *, now: datetime) -> Iterator[RunMarker]:
    """Be a live run of `state` until the block, or the process, ends."""
    name = f"{now:%Y%m%d-%H%M%S}-{os.getpid()}-{uuid.uuid4().hex[:8]}"
    path = (state / FOLDER / name).absolute()
    path.parent.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        with _guard(state):
            file = stack.enter_context(path.open("x"))
            _try_lock(file)
        try:
            yield RunMarker(path=path)
        finally:
            with suppress(FileNotFoundError):
                path.unlink()


def live_runs(state: Path) -> tuple[RunMarker, ...]:
    """Return the live runs of `state`, the calling one included, the oldest first."""
    with _guard(state), ExitStack() as stack:
        return tuple(run for run in _runs(state) if not _locked(run, stack))


@contextmanager
def stale_runs(state: Path) -> Iterator[tuple[RunMarker, ...]]:
    """Yield the runs of `state` that ended without removing their marker file.

    Until the block ends no other process gets them. The caller cleans up after each and removes its file.
    """
    with ExitStack() as stack:
        with _guard(state):
            found = tuple(run for run in _runs(state) if _locked(run, stack))
        yield found


def _runs(state: Path) -> list[RunMarker]:
    folder = (state / FOLDER).absolute()
    if sys.platform == "win32" or not folder.is_dir():
        return []
    markers = (path for path in sorted(folder.iterdir()) if _NAME.fullmatch(path.name) and path.is_file())
    return [RunMarker(path=path) for path in markers]


def _locked(run: RunMarker, stack: ExitStack) -> bool:
    """Lock the marker file of a run until `stack` closes; return whether that was possible."""
    try:
        file = run.path.open("r+")
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
