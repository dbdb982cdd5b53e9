"""The work of each task of a run."""

from __future__ import annotations

from collections.abc import Collection
from functools import partial
from pathlib import Path

from ci.engines.dagger.engine import DaggerEngine
from ci.engines.engine import Engine, Output
from ci.plan.keys import tag
from ci.plan.plan import Plan, PlannedImage
from ci.registry.ledger_artifact import RegistryLedger
from ci.report.events import Details
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
from ci.run.tasks.graph import PUSH, fetched_root
from ci.run.tasks.task import Outcome, Task, Work, WorkResult
from ci.run.workspace.local_store import Store
from ci.run.workspace.run_directory import RunDirectory
from ci.run.workspace.state import State
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
    houses = _sources(workspace, engine, plan, held, options.bundle)
    parents = {
        planned.id: houses.root_image() if planned.image.is_root else plan.get(planned.image.parent).reference
        for planned in plan.images
    }
    images = ImageWork(
        houses=houses,
        engine=engine,
        parents=parents,
        events=events,
        checks=ImageChecks(
            stack=workspace.stack,
            directory=workspace.directory,
            scratch=workspace.scratch,
            uv=houses.uv,
            engine=engine,
            emit=events.emit,
            options=options.checks,
            ledger=_ledger(workspace, options.remote, events),
        ),
        cache=options.cache,
        held=held,
    )
    remote = RegistryTasks(remote=options.remote, images=images)
    look = DaggerWarnings(engine=engine, events=events)

    async def wheelhouse(variant: str, output: Output) -> bool:
        faults: list[str] = []
        remote, everything = options.remote, workspace.settings.wheels == "all" and options.bundle is None
        if remote is not None and everything:
            say = partial(events.step, f"wheelhouse/{variant}")
            faults += await fetch_wheel_files(remote.wheel_sets, workspace, plan, variant, say)
        done = await houses.wheelhouse(variant, output)
        if remote is not None and remote.cache.writes:
            faults += await publish_wheels(remote.wheels, workspace, plan)
            if everything:
                faults += await publish_wheel_files(remote.wheel_sets, workspace, plan, variant)
        for fault in faults:
            events.warning(fault)
        return done

    async def work(task: Task) -> WorkResult:
        output = Output(log=directory.log_of(task.id), on_line=lambda line: _speak(events, task.id, line))
        if task.id == "base":
            made = await houses.base(output)
            await look.at(houses.root_image())
            return _outside(made)
        if task.id == "debhouse":
            return _outside(await houses.debhouse(output))
        if task.id.startswith("wheelhouse/"):
            return _outside(await wheelhouse(task.id.partition("/")[2], output))
        if task.id.startswith(PUSH):
            return await remote.push(plan.get(task.id.removeprefix(PUSH)), output)
        planned = plan.get(task.id)
        if planned.action == "fetch":
            done = await remote.fetch(planned, output)
            await look.at(planned.reference)
            return await images.checked(planned, directory.log_of(task.id)) if options.smoke else done
        if planned.action == "reuse" and planned.reference not in store.ids:
            return reused(planned, options.remote)
        if planned.action == "build":
            done = await images.build(planned, directory.log_of(task.id))
            if options.smoke and done.outcome is Outcome.reused:  # another run built it, with its own options
                return await images.checked(planned, directory.log_of(task.id))
            return remote.compared(planned, done)
        human = f"{workspace.stack.namespace}/{planned.id}"
        if store.ids.get(human) != store.ids[planned.reference]:
            await images.name(planned, store.ids[planned.reference])
        if options.smoke:
            return await images.checked(planned, directory.log_of(task.id))
        return WorkResult(outcome=Outcome.reused, details=_reused(workspace.state, planned))

    return work


def _ledger(workspace: Workspace, remote: RemoteCache | None, events: EventLog) -> Ledger:
    folder = workspace.state.root / "ledger"
    if remote is None:
        return Ledger(folder=folder, warn=events.warning)
    return Ledger(
        folder=folder,
        warn=events.warning,
        registry=RegistryLedger(cache=remote.cache),
        there={id_: beside.config for id_, beside in remote.hits.items()},
    )


def _sources(
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


def _outside(done: bool) -> WorkResult:
    return WorkResult(outcome=Outcome.built if done else Outcome.reused)


def _reused(state: State, planned: PlannedImage) -> Details:
    return details_of(planned, state.record(planned.id, tag(planned.key)), reason=planned.reason)
