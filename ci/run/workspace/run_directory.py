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

KEPT_RUNS = 20

_NAME = re.compile(r"\d{8}-\d{6}-(?P<pid>\d+)(-\d+)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class RunDirectory:
    """`<state>/runs/<YYYYMMDD-HHMMSS>-<pid>/`; two runs never share one."""

    path: Path

    @property
    def pid(self) -> int | None:
        """The process whose run it was, None where its name is none of ours."""
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
        """Return where the full output of `task` goes: `asr:cpu` to `logs/asr-cpu.log`."""
        return self.logs / (re.sub(r"[^A-Za-z0-9._-]", "-", task) + ".log")


def create_run_directory(
    state: Path, *, now: datetime, pid: int | None = None, kept: int = KEPT_RUNS
) -> RunDirectory:
    """Make the directory of a run that starts `now`, and remove old ones until `kept` are left.

    The directory of a run that is still going on is never removed.

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
                path.mkdir()
            except FileExistsError:
                continue
            break
        (path / "logs").mkdir()
    except OSError as error:
        raise UsageError(
            f"{error.filename or runs}: no directory for this run can be made here ({error.strerror}); "
            "choose a state directory that this user can write to"
        ) from error
    for old in run_directories(state)[kept:]:
        if old.path != path and not _going_on(old.path.name):
            shutil.rmtree(old.path, ignore_errors=True)
    return RunDirectory(path=path)


def run_directories(state: Path) -> tuple[RunDirectory, ...]:
    """Return the directories of all runs that `state` keeps, the newest first."""
    runs = state / "runs"
    if not runs.is_dir():
        return ()
    named = [path for path in runs.iterdir() if _NAME.fullmatch(path.name) and path.is_dir()]
    return tuple(RunDirectory(path=path) for path in sorted(named, key=_age, reverse=True))


def _age(path: Path) -> tuple[str, int]:
    return path.name[: len("YYYYMMDD-HHMMSS")], path.stat().st_mtime_ns


def _going_on(name: str) -> bool:
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
