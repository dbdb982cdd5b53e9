"""A build as a child process, by the dockwright of another checkout, and its report."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import anyio

from ci.engines.process.attached import run_attached
from ci.engines.process.command import Command
from ci.report.report import Report
from ci.run.git.checkout import CODE
from ci.run.git.worktree import Worktree
from ci.run.workspace.reports import read_report
from ci.run.workspace.run_directory import run_directories
from ci.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildRun:
    """How it ended; `report` and its `place` are None if no run was started."""

    status: int
    report: Report | None
    place: Path | None


def build_in(
    tree: Worktree, settings: Settings, images: Sequence[str], *, base: str, rebuild: bool
) -> ChildRun:
    """Build `images` of a worktree into the store of `settings`, without a registry.

    The worktree's own dockwright builds if it has one, in this Python environment; else this one. Its
    output goes to our standard error.
    """
    earlier = {run.path for run in run_directories(settings.state)}
    code = tree.code or CODE
    command = Command(
        argv=(sys.executable, "-m", "ci.cli.main", *build_words(images, base=base, rebuild=rebuild)),
        env=(*_environment(settings, tree.stack).items(), ("PYTHONPATH", str(code))),
        cwd=str(code),  # `-m` imports from there first
    )
    pids: list[int] = []
    attached = partial(run_attached, command, stdout=sys.stderr.fileno(), started=pids.append)
    status = anyio.run(attached)
    for run in run_directories(settings.state):
        mine = run.path not in earlier and run.pid in pids
        if mine and run.report.exists():
            return ChildRun(status=status, report=read_report(run.report), place=run.report)
    return ChildRun(status=status, report=None, place=None)


def build_words(images: Sequence[str], *, base: str, rebuild: bool) -> list[str]:
    """Return the words of the command; images come from a report, and none of them is taken for an option."""
    words = ["build", "--cache", "off", *(("--base", base) if base else ())]
    return [*words, *(["--rebuild"] if rebuild else []), "--", *images]


def _environment(settings: Settings, stack: Path) -> dict[str, str]:
    """Return the variables that give a child these settings, whatever files its directory has.

    A registry that a file names does not become one of the environment, which gets credentials.
    """
    values = settings.with_(stack=stack).model_dump(mode="json")
    if settings.root is not None:
        values["root"] = str(settings.root.absolute())
    given = {
        f"DOCKWRIGHT_{name.upper()}": value if isinstance(value, str) else json.dumps(value)
        for name, value in values.items()
        if value is not None and not (name.startswith("registry") and settings.is_of_a_file(name))
    }
    return {**given, "PYTHONDONTWRITEBYTECODE": "1"}
