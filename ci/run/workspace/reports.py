"""Reading the reports of runs: one by its path, and all in the state directory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pydantic import ValidationError

from ci.bounded.file import read_file
from ci.errors import UsageError
from ci.report.report import Report
from ci.run.workspace.run_directory import RunDirectory, run_directories

REPORT = "report.json"


def read_report(path: Path) -> Report:
    """Return the report at `path`: the file, or the directory of a run.

    Raises:
        UsageError: there is none, or this version can't read it.
    """
    file = path / REPORT if path.is_dir() else path
    try:
        text = read_file(file)
    except OSError as error:
        raise UsageError(
            f"{file}: can't be read as a report ({error.strerror})",
            hint=f"give the `{REPORT}` that a build printed at its end, or the directory of a run",
        ) from error
    try:
        return Report.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the document"
        raise UsageError(
            f"{file}: {where}: {first['msg']}",
            hint="it is not the report of a run, or another version of dockwright wrote it",
        ) from error


def recorded_reports(state: Path) -> Iterator[tuple[RunDirectory, Report]]:
    """Yield the reports in `state`, the newest first; runs without a readable report are left out."""
    for directory in run_directories(state):
        try:
            yield directory, read_report(directory.report)
        except UsageError:
            continue
