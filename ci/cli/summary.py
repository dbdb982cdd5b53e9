"""summary: what a run did, as Markdown, for the summary of a workflow's job."""

from __future__ import annotations

import sys
from pathlib import Path

import click
from pydantic import ValidationError

from ci.bounded.file import read_file
from ci.cli.display.message import say
from ci.errors import UsageError
from ci.report.markdown import markdown
from ci.report.report import Report
from ci.report.table import failure_lines, summary_text
from ci.run.workspace.run_directory import run_directories
from ci.settings import Settings


@click.command()
@click.argument("report", type=click.Path(path_type=Path), required=False)
@click.option("--title", default="Images", help="Heading. Default: Images.")
@click.pass_obj
def summary(settings: Settings, report: Path | None, title: str) -> None:
    """Print the report of a run as Markdown.

    REPORT is the report.json of a run. Default: the last run on this machine. The exit code is that of the
    run. Failures are also printed to standard error, so that the log of a job shows them.

    \b
    dockwright summary >> "$GITHUB_STEP_SUMMARY"
    """
    found = _read(report or _last(settings))
    click.echo(markdown(found, title), nl=False)
    for line in (summary_text(found), *(line.text for line in failure_lines(found))):
        say(line)
    sys.exit(found.exit_code if found.exit_code is not None else 1)


def _last(settings: Settings) -> Path:
    runs = run_directories(settings.state)
    if not runs:
        raise UsageError(f"{settings.state}: no run is recorded here", hint="give the path of a report.json")
    return runs[0].report


def _read(path: Path) -> Report:
    """Return the report in the file `path`.

    Raises:
        UsageError: there is none, or it is no report of this dockwright.
    """
    try:
        return Report.model_validate_json(read_file(path))
    except OSError as error:
        raise UsageError(
            f"{path}: can't be read ({error.strerror})", hint="a run writes its report.json at its end"
        ) from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the document"
        raise UsageError(
            f"{path}: {where}: {first['msg']}",
            hint="it is not the report of a run, or another version of dockwright wrote it",
        ) from error
