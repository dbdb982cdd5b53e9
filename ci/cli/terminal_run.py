"""A run that a command starts, and what it prints before and after it."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, asynccontextmanager
from functools import partial

import click

from ci.cli.display.message import say
from ci.cli.display.progress import Progress, print_end_table, shown
from ci.cli.engine import open_engine
from ci.engines.capabilities import Capabilities, expected_capabilities
from ci.engines.engine import Engine
from ci.errors import DiskError
from ci.report.units import size_text
from ci.run.build.planned_run import PlannedRun
from ci.run.build.registry_tasks import built_twice
from ci.run.build.request import Request
from ci.run.build.run import RunResult, run_request
from ci.run.estimate.needs import Estimate
from ci.run.estimate.preview import Preview
from ci.run.reuse.checked import unchecked_in_registry
from ci.run.reuse.remote_cache import open_remote_cache
from ci.run.reuse.store_health import plan_from_store
from ci.run.tasks.event_log import Listener
from ci.run.workspace.workspace import Workspace


async def build_here(workspace: Workspace, request: Request) -> int:
    """Do a request and return the exit code."""
    return (await run_here(workspace, request)).exit_code


async def run_here(workspace: Workspace, request: Request) -> RunResult:
    """Do a request, print how it ended, and return that."""
    finished = await run_request(workspace, request, CommandLine(), os.environ)
    report = finished.report
    print_end_table(report, stream=sys.stdout, environ=os.environ)
    if report.disk is not None:
        click.echo(f"disk: at most {size_text(report.disk.peak_bytes)} more in use than at the start")
    twice = built_twice(report)
    if twice:
        click.echo(f"built here and by another runner at once: {len(twice)} ({', '.join(twice)})")
    click.echo(f"engine: {finished.engine or 'none was needed'}; report: {finished.directory.report}")
    return finished


async def print_plan(workspace: Workspace, request: Request) -> int:
    """Print what a request would do and whether it fits on the disk; return the exit code, which is 0."""
    click.echo(workspace.base.reason)
    plan_of = partial(request.plan, workspace)
    unchecked = frozenset[str]()
    async with open_remote_cache(workspace, os.environ, plan_of, say) as remote:
        plan_of = partial(plan_of, remote=remote.ids if remote is not None else ())
        store, plan = await plan_from_store(workspace, plan_of, say=say)
        if remote is not None:
            unchecked = await unchecked_in_registry(workspace, remote, trusts_ledger=request.trusts_ledger)
    for warning in remote.warnings if remote is not None else ():
        say(f"warning: {warning}")
    plan = request.with_checked(plan, store.tags(workspace.stack.namespace), unchecked)
    run = PlannedRun(workspace=workspace, request=request, plan=plan, store=store, remote=remote)
    _, refusal = _estimate(run, expected_capabilities(workspace.settings.engine))
    for planned in plan.images:
        click.echo(f"{planned.action:<7} {planned.id:<30} {planned.key[:12]}  {planned.reason}")
    checked = ", and all checked" if request.checks_existing else ""
    click.echo(f"{len(plan.to_build)} of {len(plan.images)} images would be built{checked}")
    if refusal:
        click.echo(f"it would be refused: {refusal}")
    return 0


class CommandLine:
    """Starts runs for the command line: see ci/run/build/run.py."""

    def say(self, line: str) -> None:
        """Print a line on standard error."""
        say(line)

    @asynccontextmanager
    async def opened(self, workspace: Workspace) -> AsyncIterator[Engine]:
        """Open the engine of the settings, with what it needs installed first."""
        async with open_engine(workspace, say=say) as engine:
            yield engine

    def shown(self, workspace: Workspace) -> AbstractContextManager[Listener]:
        """Show the events of a run on standard error."""
        return _shown(workspace)

    def estimate(self, run: PlannedRun, engine: Engine) -> Estimate | None:
        """Print what a run needs and return it. Raises DiskError if it does not fit."""
        if not engine.capabilities.uses_local_disk:
            return None
        estimate, refusal = _estimate(run, engine.capabilities)
        if refusal:
            raise DiskError(refusal)
        return estimate


def _estimate(run: PlannedRun, engine: Capabilities) -> tuple[Estimate, str]:
    """Print what a run needs; return that, and why it does not fit on the disk, empty where it does."""
    preview = Preview(
        workspace=run.workspace,
        cache=not run.request.rebuild,
        bundle=run.request.bundle is not None,
        remote=run.remote.unpacked_bytes if run.remote is not None else {},
        say=say,
    )
    return preview.of(run.plan, run.store, store_here=engine.store_on_this_machine)


def _shown(workspace: Workspace) -> AbstractContextManager[Listener]:
    mode = Progress(workspace.settings.progress)
    return shown(mode, stream=sys.stderr, environ=os.environ, clock=time.monotonic)
