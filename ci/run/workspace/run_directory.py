"""The directory of one run: its event log, its report, the full logs of its tasks."""

import os
import re
import shutil
import sys
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from pathlib import Path

from ci.errors import UsageError

RETAINED_RUNS = 20
PRIVATE, PRIVATE_FOLDER = 0o600, 0o700
"""Modes of what only this user may read: logs of programs, and changes that are not committed."""

_NAME = re.compile(r"\d{8}-\d{6}-(?P<pid>\d+)(-\d+)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class RunDirectory:
    """`<state>/runs/<YYYYMMDD-HHMMSS>-<pid>/`; two runs never share one, and no other user can read it."""

    path: Path

    @property
    def pid(self) -> int | None:
        """The process id of the run, None for a folder that is not the directory of a run."""
        match = _NAME.fullmatch(self.path.name)
        return int(match["pid"]) if match is not None else None

    @property
    def events(self) -> Path:
        """The event log."""
        return self.path / "events.jsonl"

    @property
    def report(self) -> Path:
        """The report that is written at the end."""
        return self.path / "report.json"

    @property
    def logs(self) -> Path:
        """The folder of the full logs."""
        return self.path / "logs"

    def log_of(self, task: str) -> Path:
        """Return the file of the full output of `task`: `asr:cpu` to `logs/asr-cpu.log`."""
        return self.logs / (re.sub(r"[^A-Za-z0-9._-]", "-", task) + ".log")


def create_run_directory(
    state: Path, *, now: datetime, pid: int | None = None, retained: int = RETAINED_RUNS
) -> RunDirectory:
    """Make the directory of a run that starts `now`, and remove old ones until `retained` are left.

    The directory of a run whose process still exists is never removed.

    Raises:
        UsageError: the state directory can't be written.
    """
    runs = state / "runs"
    name = f"{now:%Y%m%d-%H%M%S}-{os.getpid() if pid is None else pid}"
    try:
        runs.mkdir(parents=True, exist_ok=True)
        for number in count(1):
            # the same pid in the same second: two containers that share one state directory
            path = runs / (name if number == 1 else f"{name}-{number}")
            try:
                path.mkdir(PRIVATE_FOLDER)
            except FileExistsError:
                continue
            break
        (path / "logs").mkdir()
    except OSError as error:
        raise UsageError(
            f"{error.filename or runs}: the directory of this run can't be made ({error.strerror})",
            hint="choose a directory that this user can write to: `--root DIR`, or XDG_STATE_HOME",
        ) from error
    for old in run_directories(state)[retained:]:
        if old.path != path and not _process_exists(old.path.name):
            shutil.rmtree(old.path, ignore_errors=True)
    return RunDirectory(path=path)


def run_directories(state: Path) -> tuple[RunDirectory, ...]:
    """Return the directories of all runs in `state`, the newest first."""
    runs = state / "runs"
    if not runs.is_dir():
        return ()
    named = [path for path in runs.iterdir() if _NAME.fullmatch(path.name) and path.is_dir()]
    return tuple(RunDirectory(path=path) for path in sorted(named, key=_age, reverse=True))


def _age(path: Path) -> tuple[str, int]:
    return path.name[: len("YYYYMMDD-HHMMSS")], path.stat().st_mtime_ns


def _process_exists(name: str) -> bool:
    match = _NAME.fullmatch(name)
    if match is None or sys.platform == "win32":  # os.kill(pid, 0) ends the process there
        return False
    try:
        os.kill(int(match["pid"]), 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True
