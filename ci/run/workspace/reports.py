"""Reports of runs, read: one that is named, and those that the state directory keeps."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pydantic import ValidationError

from ci.errors import UsageError
from ci.report.report import Report
from ci.run.workspace.run_directory import RunDirectory, run_directories

REPORT = "report.json"


def read_report(path: Path) -> Report:
    """Return the report at `path`: the file, or the directory of a run.

    Raises:
        UsageError: there is none, or it is not one that this version writes.
    """
    file = path / REPORT if path.is_dir() else path
    try:
        text = file.read_bytes()
    except OSError as error:
        raise UsageError(
            f"{file}: no report can be read here ({error.strerror}); name the `{REPORT}` that a build "
            "printed at its end, or the directory of a run"
        ) from error
    try:
        return Report.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the whole"
        raise UsageError(
            f"{file}: not the report of a run, or written by another version of dockwright "
            f"({where}: {first['msg']})"
        ) from error


def recorded_reports(state: Path) -> Iterator[tuple[RunDirectory, Report]]:
    """Give the reports that `state` keeps, the newest first; runs without a readable one are left out."""
    for directory in run_directories(state):
        try:
            yield directory, read_report(directory.report)
        except UsageError:
            continue
