"""A run that the command line starts, and what it prints before and after it."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, asynccontextmanager
from dataclasses import dataclass
from functools import partial

import click

from ci.cli.display.progress import Progress, print_end_table, shown
from ci.cli.engine import open_engine
from ci.cli.options import RunArguments
from ci.engines.engine import Engine
from ci.errors import DiskError
from ci.plan.plan import Plan
from ci.report.units import size_text
from ci.run.build.registry_tasks import built_twice
from ci.run.build.request import Request
from ci.run.build.run import run_request
from ci.run.estimate.needs import Estimate
from ci.run.estimate.preview import Preview
from ci.run.reuse.remote_cache import RemoteCache, open_remote_cache
from ci.run.reuse.store_health import plan_from_store
from ci.run.tasks.event_log import Listener
from ci.run.workspace.local_store import Store
from ci.run.workspace.workspace import Workspace
from ci.smoke.check_options import CheckOptions


def tell(line: str) -> None:
    """Print a line on standard error."""
    click.echo(line, err=True)


async def build_here(
    workspace: Workspace, names: tuple[str, ...], asked: RunArguments, *, smoke: bool = False
) -> int:
    """Build what is asked for and return the exit code."""
    checks = CheckOptions(gpu=asked["gpu"], require_gpu=asked["require_gpu"], ledger=not asked["no_ledger"])
    request = Request(
        names=names,
        variants=asked["variants"],
        bundle=asked["bundle"],
        rebuild=asked["rebuild"],
        frozen=asked["frozen"],
        fail_fast=asked["fail_fast"],
        smoke=smoke,
        checks=checks,
        argv=tuple(sys.argv[1:]),
    )
    if asked["dry_run"]:
        return await _dry_run(workspace, request)
    finished = await run_request(workspace, request, CommandLine(request), os.environ)
    report = finished.report
    print_end_table(report, stream=sys.stdout, environ=os.environ)
    if report.disk is not None:
        click.echo(f"disk: at most {size_text(report.disk.peak_bytes)} more in use than at the start")
    twice = built_twice(report)
    if twice:
        click.echo(f"built here and by another runner at once: {len(twice)} ({', '.join(twice)})")
    click.echo(f"engine: {finished.engine or 'none was needed'}; report: {finished.directory.report}")
    return finished.exit_code


async def _dry_run(workspace: Workspace, request: Request) -> int:
    click.echo(workspace.base.reason)
    plan_of = partial(request.plan, workspace)
    async with open_remote_cache(workspace, os.environ, plan_of, tell) as remote:
        plan_of = partial(plan_of, remote=remote.ids if remote is not None else ())
        store, plan = await plan_from_store(workspace, plan_of, say=tell)
    for warning in remote.warnings if remote is not None else ():
        tell(f"warning: {warning}")
    plan = request.with_checked(plan, store.tags(workspace.stack.namespace))
    _, refusal = _preview(workspace, request, remote).of(plan, store, engine=workspace.settings.engine)
    for planned in plan.images:
        click.echo(f"{planned.action:<7} {planned.id:<30} {planned.key[:12]}  {planned.reason}")
    checked = ", and all checked" if request.checks_existing else ""
    click.echo(f"{len(plan.to_build)} of {len(plan.images)} would be built{checked}")
    if refusal:
        click.echo(f"it would be refused: {refusal}")
    return 0


@dataclass(frozen=True, slots=True)
class CommandLine:
    """A run that the command line starts: see ci/run/build/run.py."""

    request: Request

    def say(self, line: str) -> None:
        """Tell the user a line at once."""
        tell(line)

    @asynccontextmanager
    async def opened(self, workspace: Workspace) -> AsyncIterator[Engine]:
        """Open the engine of the settings, with what it needs installed first."""
        async with open_engine(workspace, say=tell) as engine:
            yield engine

    def shown(self, workspace: Workspace) -> AbstractContextManager[Listener]:
        """Show the events of a run on standard error."""
        return _shown(workspace)

    def forecast(
        self, workspace: Workspace, plan: Plan, store: Store, remote: RemoteCache | None, engine: str, /
    ) -> Estimate | None:
        """Say what the run needs. Raises DiskError where there is no room for it."""
        if engine == "dagger":
            return None  # its disk is not this machine's
        estimate, refusal = _preview(workspace, self.request, remote).of(plan, store, engine=engine)
        if refusal:
            raise DiskError(refusal)
        return estimate


def _preview(workspace: Workspace, request: Request, remote: RemoteCache | None) -> Preview:
    return Preview(
        workspace=workspace,
        cache=not request.rebuild,
        bundle=request.bundle is not None,
        remote=remote.sizes if remote is not None else {},
        say=tell,
    )


def _shown(workspace: Workspace) -> AbstractContextManager[Listener]:
    mode = Progress(workspace.settings.progress)
    return shown(mode, stream=sys.stderr, environ=os.environ, clock=time.monotonic)
