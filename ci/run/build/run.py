"""A run, as the command line and the Dagger module start it: look up, plan, build, report."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Protocol

from ci.catalog.load import load_stack
from ci.engines.capabilities import pushing_engines, recorded_name
from ci.engines.engine import Engine
from ci.errors import FilesChangedError, MissingInRegistryError, UnavailableError, UsageError
from ci.plan.plan import Plan
from ci.report.report import Report
from ci.run.build.execution import build_plan, reuse_plan
from ci.run.build.planned_run import PlannedRun
from ci.run.build.request import Request
from ci.run.estimate.needs import Estimate
from ci.run.inputs.unavailable_packages import relocked
from ci.run.reuse.checked import passed_in_registry
from ci.run.reuse.remote_cache import RemoteCache, open_remote_cache
from ci.run.reuse.store_health import plan_on_healthy_store
from ci.run.tasks.event_log import Listener
from ci.run.workspace.run_directory import RunDirectory
from ci.run.workspace.workspace import Workspace

READS = 3
"""How often a stack is read for one run, where its files change each time before they are copied."""


class RunFrontend(Protocol):
    """What starts a run and shows it: the command line, or a function of the Dagger module."""

    def say(self, line: str) -> None:
        """Print a line at once."""
        ...

    def opened(self, workspace: Workspace) -> AbstractAsyncContextManager[Engine]:
        """Open the engine; called only when one is needed."""
        ...

    def shown(self, workspace: Workspace) -> AbstractContextManager[Listener]:
        """Show the events of a run as they happen."""
        ...

    def estimate(self, run: PlannedRun, engine: Engine) -> Estimate | None:
        """Return what a run will need, None where that is not known. Raises DiskError if it does not fit."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResult:
    """A run that ended. `engine` is the name of what built, empty where no engine was needed."""

    plan: Plan
    """What it did; where packages were locked again for it, the keys are those of the new locks."""
    report: Report
    directory: RunDirectory
    engine: str
    hits: Mapping[str, str] = field(default_factory=dict)
    """The reference, by digest, of each image that the registry had before, by `image:variant`."""
    passed: Mapping[str, str] = field(default_factory=dict)
    """The digest of the config of each image whose present checks have passed, by `image:variant`."""

    @property
    def exit_code(self) -> int:
        """0 only if all images of the request exist."""
        return self.report.exit_code if self.report.exit_code is not None else 1


async def run_request(
    workspace: Workspace, request: Request, front: RunFrontend, environ: Mapping[str, str]
) -> RunResult:
    """Build the images of `request` that do not exist yet, and return how that went.

    A stack whose files change before they are copied is read again. Debian packages that the mirror has no
    more are locked again, once; images that the registry has and does not deliver are built here.

    Raises:
        DockwrightError: nothing was built: a wrong argument, no engine, no space, inputs not available.
    """
    request.check(workspace.stack)
    attempt = _Attempt(workspace=workspace, request=request, front=front, environ=environ)
    relocked_once, reads = False, 1
    while True:
        try:
            return await attempt.run()
        except FilesChangedError as changed:
            if relocked_once or reads == READS:
                raise
            reads += 1
            workspace = replace(workspace, stack=load_stack(workspace.settings.stack))
            request.check(workspace.stack)
            attempt = replace(attempt, workspace=workspace)
            lines: tuple[str, ...] = (f"{changed.message}; the stack is read and planned again",)
        except UnavailableError as gone:
            if relocked_once:
                raise
            workspace, lines = await relocked(workspace, gone, frozen=request.frozen)
            relocked_once = True
            attempt = replace(attempt, workspace=workspace)
        except MissingInRegistryError as lost:
            if attempt.without >= set(lost.images):
                raise
            lines = (f"{lost.message}; built here instead",)
            attempt = replace(attempt, without=attempt.without | set(lost.images))
        for line in lines:
            front.say(line)
        attempt = replace(attempt, warnings=(*attempt.warnings, *lines))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Attempt:
    """One attempt to do a request.

    `without` are images that the registry has and does not deliver; `warnings` are of the attempts before.
    """

    workspace: Workspace
    request: Request
    front: RunFrontend
    environ: Mapping[str, str]
    warnings: tuple[str, ...] = ()
    without: frozenset[str] = frozenset()

    async def run(self) -> RunResult:
        plan_of = partial(self.request.plan, self.workspace)
        async with open_remote_cache(
            self.workspace, self.environ, plan_of, self.front.say, without=self.without
        ) as remote:
            passed: dict[str, str] = {}
            if remote is not None and self.request.trusts_ledger:
                passed = await passed_in_registry(self.workspace, remote, remote.warnings.append)
                if not remote.plan.to_build and passed.keys() >= remote.ids:
                    return await self._reuse(remote, passed)
            async with self.front.opened(self.workspace) as engine:
                return await self._build(engine, remote, passed)

    async def _reuse(self, remote: RemoteCache, passed: dict[str, str]) -> RunResult:
        """Report what the registry has, which is all, and checked."""
        run = self._planned(remote.plan, remote, passed)
        with self.front.shown(self.workspace) as listener:
            report, directory = await reuse_plan(replace(run, listeners=(listener,)), self.front.opened)
        return RunResult(
            plan=run.plan,
            report=report,
            directory=directory,
            engine="",
            hits=remote.references,
            passed=run.passed,
        )

    async def _build(self, engine: Engine, remote: RemoteCache | None, passed: dict[str, str]) -> RunResult:
        workspace, front = self.workspace, self.front
        if remote is not None and remote.cache.writes and not engine.capabilities.pushes:
            own = engine.capabilities
            other = f"`--engine` with one of {', '.join(pushing_engines())}"
            if own.difference:
                other = "let the kernel mount the layers: `dockwright doctor` shows what keeps it from that"
            raise UsageError(
                f"--cache read-write: images of {recorded_name(engine.name, own)} can't be pushed, since "
                "their digests are not equal everywhere",
                hint=f"use `--cache read`, or {other}",
            )
        store, plan = await plan_on_healthy_store(
            engine,
            workspace.state,
            workspace.stack.namespace,
            partial(self.request.plan, workspace, remote=remote.ids if remote is not None else ()),
            repair=True,
            say=front.say,
        )
        unchecked = remote.ids - passed.keys() if remote is not None else frozenset[str]()
        plan = self.request.with_checked(plan, store.tags(workspace.stack.namespace), unchecked)
        run = replace(self._planned(plan, remote, passed), store=store)
        run = replace(run, estimate=front.estimate(run, engine))
        with front.shown(workspace) as listener:
            report, directory = await build_plan(engine, replace(run, listeners=(listener,)))
        hits = remote.references if remote is not None else {}
        return RunResult(
            plan=plan,
            report=report,
            directory=directory,
            engine=engine.name,
            hits=hits,
            passed=run.passed,
        )

    def _planned(self, plan: Plan, remote: RemoteCache | None, passed: dict[str, str]) -> PlannedRun:
        return PlannedRun(
            workspace=self.workspace,
            request=self.request,
            plan=plan,
            remote=remote,
            passed=passed,
            warnings=(*self.warnings, *(remote.warnings if remote is not None else ())),
        )
