"""The work of each task of a run."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import assert_never

from ci.engines.dagger.engine import DaggerEngine
from ci.engines.engine import Engine, Output
from ci.plan.keys import tag
from ci.plan.plan import Plan, PlannedImage
from ci.registry.ledger_artifact import RegistryLedger
from ci.run.build.dagger_warnings import DaggerWarnings
from ci.run.build.image import ImageWork, details_of
from ci.run.build.registry_tasks import RegistryTasks, reused
from ci.run.build.request import Options
from ci.run.inputs.inputs import BuildInputs
from ci.run.inputs.local import WAITING, LocalInputs
from ci.run.inputs.registry_wheels import fetch_wheel_files, publish_wheel_files, publish_wheels
from ci.run.reuse.ledger import Ledger
from ci.run.reuse.remote_cache import RemoteCache
from ci.run.tasks.event_log import EventLog
from ci.run.tasks.graph import fetched_root
from ci.run.tasks.kind import BaseTask, DebhouseTask, ImageTask, PushTask, WheelhouseTask
from ci.run.tasks.task import Outcome, Task, Work, WorkResult
from ci.run.workspace.local_store import Store
from ci.run.workspace.run_directory import RunDirectory
from ci.run.workspace.workspace import Workspace
from ci.smoke.image_checks import ImageChecks


def task_work(
    workspace: Workspace,
    engine: Engine,
    plan: Plan,
    store: Store,
    options: Options,
    events: EventLog,
    directory: RunDirectory,
) -> Work:
    """Return the work of each task of a run."""
    held = frozenset(store.ids)
    inputs = _inputs(workspace, engine, plan, held, options.bundle)
    parents = {
        planned.id: inputs.root_image() if planned.image.is_root else plan.get(planned.image.parent).reference
        for planned in plan.images
    }
    images = ImageWork(
        houses=inputs,
        engine=engine,
        parents=parents,
        events=events,
        checks=ImageChecks(
            stack=workspace.stack,
            directory=workspace.directory,
            scratch=workspace.scratch,
            uv=inputs.uv,
            engine=engine,
            emit=events.emit,
            options=options.checks,
            ledger=_ledger(workspace, options.remote, events),
        ),
        cache=options.cache,
        held=held,
    )
    return TaskWork(
        workspace=workspace,
        plan=plan,
        store=store,
        options=options,
        events=events,
        directory=directory,
        inputs=inputs,
        images=images,
        registry=RegistryTasks(remote=options.remote, images=images),
        engine_warnings=DaggerWarnings(engine=engine, events=events),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskWork:
    """Does the tasks of one run, by their kind."""

    workspace: Workspace
    plan: Plan
    store: Store
    options: Options
    events: EventLog
    directory: RunDirectory
    inputs: BuildInputs
    images: ImageWork
    registry: RegistryTasks
    engine_warnings: DaggerWarnings

    async def __call__(self, task: Task) -> WorkResult:
        """Do `task`. Raises what its kind of work raises."""
        output = Output(
            log=self.directory.log_of(task.id), on_line=lambda line: _speak(self.events, task.id, line)
        )
        match task.kind:
            case BaseTask():
                fetched = await self.inputs.base(output)
                await self.engine_warnings.at(self.inputs.root_image())
                return _input_result(fetched)
            case DebhouseTask():
                return _input_result(await self.inputs.debhouse(output))
            case WheelhouseTask(variant=variant):
                return _input_result(await self._wheelhouse(variant, task.id, output))
            case ImageTask(image=image):
                return await self._image(self.plan.get(image), output)
            case PushTask(image=image):
                return await self.registry.push(self.plan.get(image), output)
            case _:
                assert_never(task.kind)

    async def _wheelhouse(self, variant: str, task: str, output: Output) -> bool:
        """Fill a wheelhouse, by the registry where there is one, and push what was compiled for it."""
        remote, workspace, plan = self.options.remote, self.workspace, self.plan
        shares_all = workspace.settings.wheels == "all" and self.options.bundle is None
        problems: list[str] = []
        if remote is not None and shares_all:
            say = partial(self.events.step, task)
            problems += await fetch_wheel_files(remote.wheel_sets, workspace, plan, variant, say)
        fetched = await self.inputs.wheelhouse(variant, output)
        if remote is not None and remote.cache.writes:
            problems += await publish_wheels(remote.wheels, workspace, plan)
            if shares_all:
                problems += await publish_wheel_files(remote.wheel_sets, workspace, plan, variant)
        for problem in problems:
            self.events.warning(problem)
        return fetched

    async def _image(self, planned: PlannedImage, output: Output) -> WorkResult:
        match planned.action:
            case "fetch":
                return await self._fetched(planned, output)
            case "build":
                return await self._built(planned)
            case "reuse":
                return await self._reused(planned)
            case _:
                assert_never(planned.action)

    async def _fetched(self, planned: PlannedImage, output: Output) -> WorkResult:
        done = await self.registry.fetch(planned, output)
        await self.engine_warnings.at(planned.reference)
        return await self._checked(planned) if self.options.smoke else done

    async def _built(self, planned: PlannedImage) -> WorkResult:
        done = await self.images.build(planned, self.directory.log_of(planned.id))
        if self.options.smoke and done.outcome is Outcome.reused:  # by another run, with its own options
            return await self._checked(planned)
        return self.registry.compared(planned, done)

    async def _reused(self, planned: PlannedImage) -> WorkResult:
        """Name an image that the store has; report one that only the registry has."""
        id_ = self.store.ids.get(planned.reference)
        if id_ is None:
            return reused(planned, self.options.remote)
        if self.store.ids.get(f"{self.workspace.stack.namespace}/{planned.id}") != id_:
            await self.images.name(planned, id_)
        if self.options.smoke:
            return await self._checked(planned)
        record = self.workspace.state.record(planned.id, tag(planned.key))
        details = details_of(planned, record, reason=planned.reason)
        return WorkResult(outcome=Outcome.reused, details=details)

    async def _checked(self, planned: PlannedImage) -> WorkResult:
        return await self.images.checked(planned, self.directory.log_of(planned.id))


def _ledger(workspace: Workspace, remote: RemoteCache | None, events: EventLog) -> Ledger:
    folder = workspace.state.root / "ledger"
    if remote is None:
        return Ledger(folder=folder, warn=events.warning)
    return Ledger(
        folder=folder,
        warn=events.warning,
        registry=RegistryLedger(cache=remote.cache),
        there={id_: artifact.config for id_, artifact in remote.available.items()},
    )


def _inputs(
    workspace: Workspace, engine: Engine, plan: Plan, held: Collection[str], bundle: Path | None
) -> BuildInputs:
    needed = frozenset(planned.id for planned in plan.to_build)
    root = fetched_root(plan)
    local = LocalInputs(
        workspace=workspace,
        engine=engine,
        bundle=bundle,
        held=held,
        fetched_root=root.reference if root is not None else "",
        needed=needed,
    )
    if not isinstance(engine, DaggerEngine) or bundle is not None:
        return local
    from ci.run.inputs.dagger import DaggerInputs  # with Dagger's SDK, which takes a second

    return DaggerInputs(local=local, engine=engine, needed=needed)


def _speak(events: EventLog, task: str, line: str) -> None:
    """Show the lines that the fetching programs write about themselves, and what is waited for."""
    for word in ("debhouse: ", "wheelhouse: ", WAITING):
        if line.startswith(word):
            events.step(task, line.removeprefix(word))


def _input_result(fetched: bool) -> WorkResult:
    return WorkResult(outcome=Outcome.built if fetched else Outcome.reused)
