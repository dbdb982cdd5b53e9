"""What local and Dagger inputs share: where a fetching program finds its files, and how it fails."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from pydantic import BaseModel

from ci.bounded.parse import parse_json
from ci.engines.engine import Output
from ci.errors import (
    BuildError,
    CommandError,
    DiskFullError,
    DockwrightError,
    FetchError,
    LockError,
    UnavailableError,
)

PROGRAM_FOLDER = Path(str(files("ci.wheelhouse.program")))
"""The folder of the programs that fetch and compile."""
PYTHON_ENV = {"PYTHONDONTWRITEBYTECODE": "1", "PIP_ROOT_USER_ACTION": "ignore"}
TARGET = "/run/dockwright"
"""Folder of a fetching container with its program, its input document and the package folders."""


class FailureReport(BaseModel):
    """What a program reports of its failure; see ci/wheelhouse/program/failure.py."""

    kind: str = "fetch"
    text: str = "fetching failed"
    hint: str = ""
    unavailable: list[str] = []


UNREPORTED = FailureReport()
"""The report of a program that failed without writing one."""


def parse_report(data: bytes | str) -> FailureReport:
    """Return the report of a program; `UNREPORTED` where it is damaged."""
    try:
        return FailureReport.model_validate(parse_json(data), strict=True)
    except ValueError:
        return UNREPORTED


def failure_of(name: str, report: FailureReport, error: CommandError, output: Output) -> DockwrightError:
    """Return the error of the program that filled `name`."""
    text = summary = f"{name}: {report.text}"
    if output.log is not None:
        text += f" (full output: {output.log})"
    text += f"\n{error.tail}"
    if report.kind == "unavailable" and not name.startswith("wheelhouse/"):
        gone = tuple(report.unavailable)
        return UnavailableError(text, summary=summary, files=gone, hint=report.hint)
    kinds = {"compile": BuildError, "disk": DiskFullError, "unavailable": LockError, "overlap": LockError}
    return kinds.get(report.kind, FetchError)(text, hint=report.hint)
