"""A whole run: the plan as tasks, done by the scheduler, with one event log and one report."""

from __future__ import annotations

import platform
import time
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from ci.engines.engine import Engine, Output
from ci.errors import GoneError
from ci.plan.keys import tag
from ci.plan.plan import Plan, PlannedImage
from ci.plan.recipes import apt_list
from ci.report.events import Details, RunStarted
from ci.report.report import Report
from ci.run.directory import RunDirectory, create_run_directory
from ci.run.disk import file_systems, places
from ci.run.disk_guard import DiskGuard
from ci.run.estimate import Estimate
from ci.run.events import EventLog, Listener
from ci.run.history import History, read_history, write_history
from ci.run.houses import WAITING, Houses
from ci.run.image import ImageWork, details_of
from ci.run.leftover import owned
from ci.run.record import record_run
from ci.run.soundness import note_marks
from ci.run.state import State, write_whole
from ci.run.store import Store
from ci.run.task import Outcome, Task, Work, WorkResult
from ci.run.workspace import Workspace
from ci.version import version

GUESS_S = {"base": 35.0, "debhouse": 8.0, "wheelhouse": 40.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What was asked for beside the images."""

    bundle: Path | None = None
    cache: bool = True
    fail_fast: bool = False
    argv: tuple[str, ...] = ()
    listeners: Sequence[Listener] = field(default_factory=tuple)
    warnings: tuple[str, ...] = ()
    """What the report is to say beside what happens in the run."""
    estimate: Estimate | None = None
    """What the run needs; without one only a full disk is looked for."""


async def build_plan(
    workspace: Workspace, engine: Engine, plan: Plan, store: Store, options: Options
) -> tuple[Report, RunDirectory]:
    """Build what `plan` says and return the report; it is also written to the run's directory.

    What the store has is named and reported as reused; no container starts for it.

    Raises:
        GoneError: locked Debian packages can't be had any more, so that nothing was built.
    """
    now = datetime.now().astimezone()
    directory = create_run_directory(workspace.state.root, now=now)
    with EventLog(directory.events, clock=time.monotonic, listeners=options.listeners) as events:
        events.note(workspace.base.why)
        for warning in options.warnings:
            events.warning(warning)
        async with owned(workspace, engine, note=events.note, warn=events.warning) as (own, marked):
            history_path = workspace.state.root / "history.json"
            history = read_history(history_path, warn=events.warning)
            work = _work(own, marked, plan, store, options, events, directory)
            guard = _guard(own, marked, options, events) if plan.to_build else None
            report, results = await record_run(
                tasks(plan, history),
                guard.guarded(work) if guard is not None else work,
                directory=directory,
                events=events,
                clock=time.monotonic,
                started=RunStarted(
                    argv=options.argv,
                    started_at=now.isoformat(timespec="seconds"),
                    settings=workspace.settings.model_dump(mode="json"),
                    versions={
                        "dockwright": version(),
                        "python": platform.python_version(),
                        "uv": workspace.stack.uv,
                    },
                ),
                capacity=workspace.capacity,
                fail_fast=options.fail_fast,
                beside=guard.watch if guard is not None else None,
            )
            made = [result.details.digest for result in results.values() if result.outcome is Outcome.built]
            await note_marks(marked, workspace.state, [digest for digest in made if digest])
            write_history(history_path, history.with_results(results), warn=events.warning)
    gone = [result.error for result in results.values() if isinstance(result.error, GoneError)]
    if gone:
        raise gone[0]
    report = _with_unique(report, workspace.state, plan)
    with suppress(OSError):  # on a full disk the report without these figures stays
        write_whole(directory.report, report.as_json())
    return report, directory


def _guard(workspace: Workspace, engine: Engine, options: Options, events: EventLog) -> DiskGuard:
    settings = workspace.settings
    written = places(settings, engine=engine.name)
    return DiskGuard(
        lambda: file_systems(written),
        options.estimate.by_task if options.estimate is not None else {},
        floor_bytes=settings.disk_floor_mb * 10**6,
        events=events,
        trusting=not settings.ignore_disk,
    )


def _with_unique(report: Report, state: State, plan: Plan) -> Report:
    """Fill in what no image shares, which is known only once all of them are there."""
    there = {f"{row.image}:{row.variant}" for row in report.images if row.action.ok}
    unique = unique_bytes(state, plan, there)
    rows = [
        row.model_copy(update={"unique_bytes": unique.get(f"{row.image}:{row.variant}")})
        for row in report.images
    ]
    return report.model_copy(update={"images": tuple(rows)})


def tasks(plan: Plan, history: History) -> tuple[Task, ...]:
    """Return the tasks of `plan`: what comes from outside first, only where something is built of it."""
    found: list[Task] = []
    seen: set[str] = set()
    building = plan.to_build
    outside: dict[str, tuple[str, ...]] = {}
    if building:
        outside["base"] = ()
        outside["debhouse"] = tuple(outside)
        for variant in sorted({planned.image.variant for planned in building}):
            outside[f"wheelhouse/{variant}"] = ("debhouse",)
    for name, needs in outside.items():
        guess = GUESS_S[name.partition("/")[0]]
        found.append(Task(id=name, needs=needs, expected_s=history.expected_s(name, otherwise=guess)))
    for planned in plan.images:
        needs = () if planned.image.is_root else (planned.image.parent,)
        if planned.action == "build":
            needs = (*needs, f"wheelhouse/{planned.image.variant}")
        found.append(
            Task(
                id=planned.id,
                needs=needs,
                expected_s=expected_s(planned, history, seen),
                image=planned.image.image,
                variant=planned.image.variant,
            )
        )
    return tuple(found)


def expected_s(planned: PlannedImage, history: History, seen: set[str]) -> float:
    """Return about how long an image takes: as last time, else by what it installs.

    An image whose Debian packages a twin on the same parent brings takes little, and should come after it;
    `seen` remembers the twins. The weights are those of a machine with 2 cores; only their order matters.
    """
    image = planned.image
    if planned.action != "build":
        return 0.0
    debs, wheels = len(image.apt_lock), len(image.python_lock)
    name = f"{image.parent} {apt_list(image.apt, image.apt_lock)}"
    if debs and name in seen:
        return 4.0 + 1.2 * wheels
    seen.add(name)
    return history.expected_s(planned.id, otherwise=4.0 + 0.15 * debs + 1.2 * wheels)


def _work(
    workspace: Workspace,
    engine: Engine,
    plan: Plan,
    store: Store,
    options: Options,
    events: EventLog,
    directory: RunDirectory,
) -> Work:
    held = frozenset(store.ids)
    houses = Houses(workspace=workspace, engine=engine, bundle=options.bundle, held=held)
    parents = {
        planned.id: houses.root_image() if planned.image.is_root else plan.get(planned.image.parent).reference
        for planned in plan.images
    }
    images = ImageWork(
        houses=houses,
        engine=engine,
        parents=parents,
        events=events,
        cache=options.cache,
        held=held,
    )

    async def work(task: Task) -> WorkResult:
        output = Output(log=directory.log_of(task.id), on_line=lambda line: _speak(events, task.id, line))
        if task.id == "base":
            return _outside(await houses.base(output))
        if task.id == "debhouse":
            return _outside(await houses.debhouse(output))
        if task.id.startswith("wheelhouse/"):
            return _outside(await houses.wheelhouse(task.id.partition("/")[2], output))
        planned = plan.get(task.id)
        if planned.action == "build":
            return await images.build(planned, directory.log_of(task.id))
        human = f"{workspace.stack.namespace}/{planned.id}"
        if store.ids.get(human) != store.ids[planned.reference]:
            await images.name(planned, store.ids[planned.reference])
        return WorkResult(outcome=Outcome.reused, details=_reused(workspace.state, planned))

    return work


def _speak(events: EventLog, task: str, line: str) -> None:
    """Show the lines that the fetching programs write about themselves, and what is waited for."""
    for word in ("debhouse: ", "wheelhouse: ", WAITING):
        if line.startswith(word):
            events.step(task, line.removeprefix(word))


def _outside(done: bool) -> WorkResult:
    return WorkResult(outcome=Outcome.built if done else Outcome.reused)


def _reused(state: State, planned: PlannedImage) -> Details:
    return details_of(planned, state.record(planned.id, tag(planned.key)), reason=planned.reason)


def unique_bytes(state: State, plan: Plan, built: Collection[str]) -> dict[str, int]:
    """Return the bytes of the layers that no other image of `plan` has, by image, where they are known."""
    layers = {}
    for planned in plan.images:
        record = state.record(planned.id, tag(planned.key))
        if record is not None and planned.id in built:
            layers[planned.id] = record.layers
    owners: dict[str, int] = {}
    for own in layers.values():
        for digest in {digest for digest, _ in own}:
            owners[digest] = owners.get(digest, 0) + 1
    return {id_: sum(size for digest, size in own if owners[digest] == 1) for id_, own in layers.items()}
