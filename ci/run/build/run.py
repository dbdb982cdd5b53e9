"""One whole run, as the command line and the Dagger module start it: look up, plan, build, report."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Protocol

from ci.engines.engine import Engine
from ci.errors import MissingInRegistryError, UnavailableError, UsageError
from ci.plan.plan import Plan
from ci.report.report import Report
from ci.run.build.execution import build_plan, reuse_plan
from ci.run.build.request import Options, Request
from ci.run.estimate.needs import Estimate
from ci.run.inputs.lost_packages import relocked
from ci.run.reuse.remote_cache import RemoteCache, open_remote_cache
from ci.run.reuse.store_health import plan_on_healthy_store
from ci.run.tasks.event_log import Listener
from ci.run.workspace.local_store import Store
from ci.run.workspace.run_directory import RunDirectory
from ci.run.workspace.workspace import Workspace

PUSHING = ("buildah", "dagger")
"""Engines whose images may be pushed under their keys."""


class RunFrontend(Protocol):
    """Who starts a run, and sees it."""

    def say(self, line: str) -> None:
        """Tell the user a line at once."""
        ...

    def opened(self, workspace: Workspace) -> AbstractAsyncContextManager[Engine]:
        """Open the engine, which is asked for only where one is needed."""
        ...

    def shown(self, workspace: Workspace) -> AbstractContextManager[Listener]:
        """Show the events of a run while it goes on."""
        ...

    def forecast(
        self, workspace: Workspace, plan: Plan, store: Store, remote: RemoteCache | None, engine: str, /
    ) -> Estimate | None:
        """Say what a run will need. Raises DiskError where there is no room for it."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResult:
    """A run that came to its end: `engine` is the name of what built, empty where nothing had to."""

    plan: Plan
    """What it did; where locks had to be made anew for it, the keys are those of the new ones."""
    report: Report
    directory: RunDirectory
    engine: str
    hits: Mapping[str, str] = field(default_factory=dict)
    """The reference, by digest, of each image that the registry had before, by `image:variant`."""

    @property
    def exit_code(self) -> int:
        """0 only if all that was asked for exists."""
        return self.report.exit_code if self.report.exit_code is not None else 1


async def run_request(
    workspace: Workspace, request: Request, front: RunFrontend, environ: Mapping[str, str]
) -> RunResult:
    """Build what is asked for and not there, and return how that went.

    Locked Debian packages that are gone are locked anew once; what a registry promised and does not give is
    built here.

    Raises:
        DockwrightError: nothing was built: bad words, no engine, no room, nothing to be had from outside.
    """
    said: tuple[str, ...] = ()
    without: frozenset[str] = frozenset()
    moved = False
    while True:
        try:
            return await _run_once(workspace, request, front, environ, said, without)
        except UnavailableError as gone:
            if moved:
                raise
            workspace, lines = await relocked(workspace, gone, frozen=request.frozen)
            moved = True
        except MissingInRegistryError as lost:
            if without >= set(lost.images):
                raise
            without |= set(lost.images)
            lines = (f"{lost}; built here instead",)
        for line in lines:
            front.say(line)
        said = (*said, *lines)


async def _run_once(
    workspace: Workspace,
    request: Request,
    front: RunFrontend,
    environ: Mapping[str, str],
    warnings: tuple[str, ...],
    without: frozenset[str],
) -> RunResult:
    """Run once; `without` are images that the registry has and does not give."""
    plan_of = partial(request.plan, workspace)
    async with open_remote_cache(workspace, environ, plan_of, front.say, without=without) as remote:
        options = Options(
            bundle=request.bundle.absolute() if request.bundle else None,
            cache=not request.rebuild,
            fail_fast=request.fail_fast,
            smoke=request.checks_existing,
            checks=request.checks,
            argv=request.argv,
            checkout=request.checkout,
            warnings=(*warnings, *(remote.warnings if remote is not None else ())),
            remote=remote,
        )
        hits = remote.references if remote is not None else {}
        if remote is not None and not remote.plan.to_build and not request.checks_existing:
            with front.shown(workspace) as show:
                options = replace(options, listeners=(show,))
                report, directory = await reuse_plan(workspace, remote.plan, options)
            return RunResult(plan=remote.plan, report=report, directory=directory, engine="", hits=hits)
        async with front.opened(workspace) as engine:
            if remote is not None and remote.cache.writes and engine.name not in PUSHING:
                raise UsageError(
                    f"--cache read-write needs Buildah, whose digests are equal everywhere, or Dagger, not "
                    f"{engine.name}"
                )
            store, plan = await plan_on_healthy_store(
                engine,
                workspace.state,
                workspace.stack.namespace,
                partial(plan_of, remote=remote.ids if remote is not None else ()),
                repair=True,
                say=front.say,
            )
            plan = request.with_checked(plan, store.tags(workspace.stack.namespace))
            estimate = front.forecast(workspace, plan, store, remote, engine.name)
            with front.shown(workspace) as show:
                options = replace(options, listeners=(show,), estimate=estimate)
                report, directory = await build_plan(workspace, engine, plan, store, options)
            return RunResult(plan=plan, report=report, directory=directory, engine=engine.name, hits=hits)
