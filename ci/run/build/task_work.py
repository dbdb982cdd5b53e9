"""The work of each task of a run."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import assert_never

from ci.engines.engine import Engine, Output
from ci.plan.keys import tag
from ci.plan.plan import PlannedImage
from ci.run.build.engine_warnings import EngineWarnings
from ci.run.build.image import ImageWork, details_of
from ci.run.build.planned_run import PlannedRun
from ci.run.build.registry_tasks import RegistryTasks, reused
from ci.run.inputs.engine_inputs import EngineInputs
from ci.run.inputs.inputs import BuildInputs
from ci.run.inputs.local import LocalInputs
from ci.run.inputs.registry_wheels import fetch_wheel_files, publish_wheel_files, publish_wheels
from ci.run.reuse.checked import ledger_of
from ci.run.tasks.graph import fetched_root
from ci.run.tasks.kind import BaseTask, DebhouseTask, ImageTask, PushTask, WheelhouseTask
from ci.run.tasks.recorded_run import RunLog
from ci.run.tasks.task import Outcome, Task, Work, WorkResult
from ci.run.tasks.tool_warnings import ToolWarnings
from ci.smoke.image_checks import ImageChecks


def task_work(engine: Engine, run: PlannedRun, log: RunLog) -> Work:
    """Return the work of each task of a registered run."""
    workspace, request, events = run.workspace, run.request, log.events
    ledger = ledger_of(workspace, run.remote, events.warning)
    inputs = _inputs(engine, run)
    parents = {
        planned.id: inputs.root_image()
        if planned.image.is_root
        else run.plan.get(planned.image.parent).reference
        for planned in run.plan.images
    }
    images = ImageWork(
        inputs=inputs,
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
            options=request.checks,
            ledger=ledger,
            passed=run.passed,
            base=workspace.base.kind,
            parents=parents,
        ),
        tool_warnings=ToolWarnings(events=events),
        cache=not request.rebuild,
        available=frozenset(run.store.ids),
    )
    return TaskWork(
        run=run,
        log=log,
        inputs=inputs,
        images=images,
        registry=RegistryTasks(remote=run.remote, images=images),
        engine_warnings=EngineWarnings(engine=engine, events=events),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskWork:
    """Does the tasks of one run, by their kind."""

    run: PlannedRun
    log: RunLog
    inputs: BuildInputs
    images: ImageWork
    registry: RegistryTasks
    engine_warnings: EngineWarnings

    async def __call__(self, task: Task) -> WorkResult:
        """Do `task`. Raises what its kind of work raises."""
        log = self.log.directory.log_of(task.id)
        messages = Output(log=log, on_line=partial(self._message, task.id))
        match task.kind:
            case BaseTask():
                fetched = await self.inputs.base(messages)
                await self.engine_warnings.at(self.inputs.root_image())
                return _input_result(fetched)
            case DebhouseTask():
                return _input_result(await self.inputs.debhouse(messages))
            case WheelhouseTask(variant=variant):
                return _input_result(await self._wheelhouse(variant, task.id, messages))
            case ImageTask(image=image):
                return await self._image(self.run.plan.get(image), Output(log=log))
            case PushTask(image=image):
                return await self.registry.push(self.run.plan.get(image), Output(log=log))
            case _:
                assert_never(task.kind)

    def _message(self, task: str, line: str) -> None:
        if not self.images.tool_warnings.found_in(task, line):
            self.log.events.step(task, line)

    async def _wheelhouse(self, variant: str, task: str, output: Output) -> bool:
        """Fill a wheelhouse, with files of the registry where it has some, and push compiled wheels."""
        remote, workspace, plan = self.run.remote, self.run.workspace, self.run.plan
        shares_all = workspace.settings.wheels == "all" and self.run.request.bundle is None
        problems: list[str] = []
        if remote is not None and shares_all:
            say = partial(self.log.events.step, task)
            problems += await fetch_wheel_files(remote.wheel_sets, workspace, plan, variant, say)
        fetched = await self.inputs.wheelhouse(variant, output)
        if remote is not None and remote.cache.writes:
            problems += await publish_wheels(remote.wheels, workspace, plan)
            if shares_all:
                problems += await publish_wheel_files(remote.wheel_sets, workspace, plan, variant)
        for problem in problems:
            self.log.events.warning(problem)
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
        return await self._checked_once(planned, done)

    async def _built(self, planned: PlannedImage) -> WorkResult:
        done = await self.images.build(planned, self.log.directory.log_of(planned.id))
        if done.outcome is Outcome.reused:  # another run built it, with options and checks of its own
            return await self._checked_once(planned, done)
        return self.registry.compared(planned, done)

    async def _reused(self, planned: PlannedImage) -> WorkResult:
        """Name an image that the store has; report one that only the registry has."""
        id_ = self.run.store.ids.get(planned.reference)
        if id_ is None:
            return reused(planned, self.run.remote)
        if self.run.store.ids.get(f"{self.run.workspace.stack.namespace}/{planned.id}") != id_:
            await self.images.name(planned, id_)
        record = self.run.workspace.state.record(planned.id, tag(planned.key))
        details = details_of(planned, record, reason=planned.reason)
        return await self._checked_once(planned, WorkResult(outcome=Outcome.reused, details=details), id_)

    async def _checked_once(self, planned: PlannedImage, done: WorkResult, id_: str = "") -> WorkResult:
        """Return `done` of an image that exists and has passed its present checks; else check it now."""
        if self.run.request.trusts_ledger and await self.images.passed(planned, id_):
            return done
        return await self.images.checked(planned, self.log.directory.log_of(planned.id))


def _inputs(engine: Engine, run: PlannedRun) -> BuildInputs:
    bundle, plan = run.request.bundle, run.plan
    needed = frozenset(planned.id for planned in plan.to_build)
    root = fetched_root(plan)
    local = LocalInputs(
        workspace=run.workspace,
        engine=engine,
        bundle=bundle,
        present=frozenset(run.store.ids),
        fetched_root=root.reference if root is not None else "",
        needed=needed,
    )
    if engine.input_fetcher is None or bundle is not None:
        return local
    return EngineInputs(local=local, engine=engine, fetcher=engine.input_fetcher, needed=needed)


def _input_result(fetched: bool) -> WorkResult:
    return WorkResult(outcome=Outcome.built if fetched else Outcome.reused)
