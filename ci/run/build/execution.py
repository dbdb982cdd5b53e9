"""A whole run: the plan as tasks, done by the scheduler, with one event log and one report."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime

from ci.engines.engine import Engine
from ci.errors import CommandError, MissingInRegistryError, NoSpaceError, RegistryError, UnavailableError
from ci.plan.keys import tag
from ci.plan.plan import Plan, PlannedImage
from ci.report.budget.metrics import unique_bytes
from ci.report.events import Checkout, RunStarted
from ci.report.report import Report
from ci.run.build.registry_tasks import reused
from ci.run.build.request import Options
from ci.run.build.task_work import task_work
from ci.run.cleanup.run_owner import registered_run
from ci.run.estimate.disk import file_systems, places
from ci.run.estimate.disk_guard import DiskGuard
from ci.run.git.checkout import checkout_soon
from ci.run.git.revision import without_passwords
from ci.run.inputs.registry_wheels import fetch_wheels
from ci.run.reuse.remote_cache import RemoteCache
from ci.run.reuse.store_health import record_layer_stamps
from ci.run.tasks.durations import read_history, write_history
from ci.run.tasks.event_log import EventLog
from ci.run.tasks.graph import tasks
from ci.run.tasks.recorded_run import record_run
from ci.run.tasks.task import Task, WorkResult
from ci.run.workspace.atomic_write import write_atomically
from ci.run.workspace.local_store import Store
from ci.run.workspace.run_directory import RunDirectory, create_run_directory
from ci.run.workspace.state import State
from ci.run.workspace.workspace import Workspace
from ci.version import version


async def build_plan(
    workspace: Workspace, engine: Engine, plan: Plan, store: Store, options: Options
) -> tuple[Report, RunDirectory]:
    """Build what `plan` says and return the report; it is also written to the run's directory.

    What the store has is named and reported as reused; no container starts for it.

    Raises:
        GoneError: locked Debian packages can't be had any more, so that nothing was built.
        LostError: the registry does not give images that others are to be built on.
    """
    now = datetime.now().astimezone()
    checkout = _checkout(workspace, options)
    directory = create_run_directory(workspace.state.root, now=now)
    with EventLog(directory.events, clock=time.monotonic, listeners=options.listeners) as events:
        events.note(workspace.base.why)
        for warning in options.warnings:
            events.warning(warning)
        async with registered_run(workspace, engine, note=events.note, warn=events.warning) as (own, marked):
            history_path = workspace.state.root / "history.json"
            history = read_history(history_path, warn=events.warning)
            if options.remote is not None:
                options.remote.report_retries(events.note)
                options.remote.scratch = own.scratch
                if options.bundle is None:
                    for fault in await fetch_wheels(options.remote.wheels, own, plan):
                        events.warning(fault)
            work = task_work(own, marked, plan, store, options, events, directory)
            guard = _guard(own, marked, options, events) if plan.to_build else None
            report, results = await record_run(
                tasks(plan, history, pushed=_pushed(plan, options.remote)),
                guard.guarded(work) if guard is not None else work,
                directory=directory,
                events=events,
                clock=time.monotonic,
                started=started(workspace, options, now, checkout(), engine.name),
                capacity=workspace.capacity,
                fail_fast=options.fail_fast,
                beside=guard.watch if guard is not None else None,
            )
            made = [results[one.id].details.digest for one in plan.images if one.action in ("build", "fetch")]
            await record_layer_stamps(marked, workspace.state, [digest for digest in made if digest])
            write_history(history_path, history.with_results(results), warn=events.warning)
    lost = [
        planned.id
        for planned in plan.images
        if planned.action == "fetch" and _is_lost(results[planned.id].error)
    ]
    if lost:
        raise MissingInRegistryError(f"the registry does not give {', '.join(lost)}", images=tuple(lost))
    gone = [result.error for result in results.values() if isinstance(result.error, UnavailableError)]
    if gone:
        raise gone[0]
    report = _with_unique(report, workspace.state, plan)
    with suppress(OSError):  # on a full disk the report without these metrics stays
        write_atomically(directory.report, report.as_json())
    return report, directory


def _is_lost(error: Exception | None) -> bool:
    """Whether a fetch failed of its registry, not of this machine's disk."""
    return isinstance(error, RegistryError | CommandError) and not isinstance(error, NoSpaceError)


async def reuse_plan(workspace: Workspace, plan: Plan, options: Options) -> tuple[Report, RunDirectory]:
    """Report that a registry has all of `plan`; no engine is asked anything, and nothing is fetched."""
    now = datetime.now().astimezone()
    checkout = _checkout(workspace, options)
    directory = create_run_directory(workspace.state.root, now=now)

    async def work(task: Task) -> WorkResult:
        return reused(plan.get(task.id), options.remote)

    with EventLog(directory.events, clock=time.monotonic, listeners=options.listeners) as events:
        events.note(workspace.base.why)
        for warning in options.warnings:
            events.warning(warning)
        report, _ = await record_run(
            tasks(plan, read_history(workspace.state.root / "history.json", warn=events.warning)),
            work,
            directory=directory,
            events=events,
            clock=time.monotonic,
            started=started(workspace, options, now, checkout()),
            capacity=workspace.capacity,
            fail_fast=options.fail_fast,
        )
    return report, directory


def started(
    workspace: Workspace, options: Options, now: datetime, checkout: Checkout | None, engine: str = ""
) -> RunStarted:
    """Return the first event of a run, but for its tasks; no URL in it has a password."""
    settings = workspace.settings.model_dump(mode="json").items()
    return RunStarted(
        argv=tuple(without_passwords(word) for word in options.argv),
        started_at=now.isoformat(timespec="seconds"),
        settings={
            name: without_passwords(value) if isinstance(value, str) else value for name, value in settings
        },
        versions={
            "dockwright": version(),
            "python": platform.python_version(),
            "uv": workspace.stack.uv,
        },
        base=workspace.base.kind,
        engine=engine,
        checkout=checkout,
    )


def _checkout(workspace: Workspace, options: Options) -> Callable[[], Checkout | None]:
    """Return what waits for the checkout of the run."""
    return checkout_soon(workspace.directory) if options.checkout is None else lambda: options.checkout


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
    records = {one.id: state.record(one.id, tag(one.key)) for one in plan.images if one.id in there}
    layers = {id_: record.layers for id_, record in records.items() if record is not None}
    unique = unique_bytes(layers, layers)
    rows = [
        row.model_copy(update={"unique_bytes": unique.get(f"{row.image}:{row.variant}")})
        for row in report.images
    ]
    return report.model_copy(update={"images": tuple(rows)})


def _pushed(plan: Plan, remote: RemoteCache | None) -> tuple[PlannedImage, ...]:
    """Return what the registry lacks, if it may be written."""
    if remote is None or not remote.cache.writes:
        return ()
    return tuple(planned for planned in plan.images if planned.id not in remote.available)
