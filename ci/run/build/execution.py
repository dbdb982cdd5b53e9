"""A planned run: its tasks, done by the scheduler, with one event log and one report."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, contextmanager, suppress
from dataclasses import replace
from datetime import datetime

from ci.engines.capabilities import recorded_name
from ci.engines.engine import Engine
from ci.errors import CommandError, MissingInRegistryError, NoSpaceError, RegistryError, UnavailableError
from ci.plan.keys import tag
from ci.plan.left_out import left_out_text
from ci.plan.plan import Plan
from ci.report.budget.metrics import unique_bytes
from ci.report.events import Checkout, RunStarted
from ci.report.redacted import without_secrets
from ci.report.report import Report
from ci.run.build.planned_run import PlannedRun
from ci.run.build.registry_tasks import reused
from ci.run.build.task_work import task_work
from ci.run.cleanup.run_owner import clear_stale_runs, registered_run
from ci.run.estimate.disk import file_systems, run_folders
from ci.run.estimate.disk_guard import DiskGuard
from ci.run.git.checkout import checkout_soon
from ci.run.inputs.registry_wheels import fetch_wheels
from ci.run.inputs.staged_files import stage_files
from ci.run.reuse.store_health import record_layer_stamps
from ci.run.tasks.durations import read_history, write_history
from ci.run.tasks.event_log import EventLog
from ci.run.tasks.graph import tasks
from ci.run.tasks.recorded_run import RunLog, record_run
from ci.run.tasks.task import Result, Task, WorkResult
from ci.run.workspace.run_directory import PRIVATE, RunDirectory, create_run_directory
from ci.run.workspace.state import State
from ci.run.workspace.workspace import Workspace
from ci.version import version
from ci.wheelhouse.program.atomic_write import write_atomically


async def build_plan(engine: Engine, run: PlannedRun) -> tuple[Report, RunDirectory]:
    """Build the plan of `run` and return the report, which is also written to the run's directory.

    Images that the store has are named and reported as reused; no container starts for them.

    Raises:
        FilesChangedError: a file changed since the plan was made, so nothing was built.
        UnavailableError: the mirror has locked Debian packages no more, so nothing was built.
        MissingInRegistryError: the registry does not deliver images that others are based on.
    """
    state, plan = run.workspace.state, run.plan
    with _recorded(run, recorded_name(engine.name, engine.capabilities)) as (log, started):
        events = log.events
        registered = registered_run(run.workspace, engine, note=events.note, warn=events.warning)
        async with registered as (own, marked):
            run = replace(run, workspace=own.with_warnings(events.warning))
            history_path = state.root / "history.json"
            history = read_history(history_path, warn=events.warning)
            await stage_files(own, [planned.image for planned in plan.to_build])
            for planned in plan.to_build:
                if text := left_out_text(planned.image, caches=False):
                    events.note(text)
            await _open_remote(run, events)
            work = task_work(marked, run, log)
            guard = _guard(marked, run, events) if plan.to_build else None
            report, results = await record_run(
                tasks(plan, history, pushed=run.pushed),
                guard.guarded(work) if guard is not None else work,
                log=log,
                started=started(),
                fail_fast=run.request.fail_fast,
                background=guard.watch if guard is not None else None,
            )
            made = [results[one.id].details.digest for one in plan.images if one.action in ("build", "fetch")]
            await record_layer_stamps(marked, state, [digest for digest in made if digest])
            write_history(history_path, history.with_results(results), warn=events.warning)
    _raise_what_a_new_plan_helps(plan, results)
    report = _with_unique(report, state, plan)
    with suppress(OSError):  # on a full disk the report without these sizes stays
        write_atomically(log.directory.report, report.as_json(), PRIVATE)
    return report, log.directory


async def reuse_plan(
    run: PlannedRun, opened: Callable[[Workspace], AbstractAsyncContextManager[Engine]]
) -> tuple[Report, RunDirectory]:
    """Report that a registry has all images of `run`; nothing is downloaded.

    `opened` opens an engine, which is used only to clean up after a run that was killed.
    """

    async def work(task: Task) -> WorkResult:
        return reused(run.plan.get(task.id), run.remote)

    with _recorded(run) as (log, started):
        await clear_stale_runs(run.workspace, opened, note=log.events.note, warn=log.events.warning)
        history = read_history(run.workspace.state.root / "history.json", warn=log.events.warning)
        report, _ = await record_run(
            tasks(run.plan, history), work, log=log, started=started(), fail_fast=run.request.fail_fast
        )
    return report, log.directory


@contextmanager
def _recorded(run: PlannedRun, engine: str = "") -> Iterator[tuple[RunLog, Callable[[], RunStarted]]]:
    """Open the log of a run, with its first notes; what it gives too waits for the first event's checkout."""
    now = datetime.now().astimezone()
    known = run.request.checkout
    checkout = checkout_soon(run.workspace.directory) if known is None else lambda: known
    directory = create_run_directory(run.workspace.state.root, now=now)
    with EventLog(directory.events, clock=time.monotonic, listeners=run.listeners) as events:
        events.note(run.workspace.base.reason)
        for warning in run.warnings:
            events.warning(warning)
        log = RunLog(directory=directory, events=events)
        yield log, lambda: started_event(run, now, checkout(), engine)


async def _open_remote(run: PlannedRun, events: EventLog) -> None:
    """Prepare the registry of a registered run, and fetch the compiled wheels that it has."""
    remote = run.remote
    if remote is None:
        return
    remote.report_retries(events.note)
    remote.scratch = run.workspace.scratch
    if run.request.bundle is None:
        for problem in await fetch_wheels(remote.wheels, run.workspace, run.plan):
            events.warning(problem)


def _raise_what_a_new_plan_helps(plan: Plan, results: Mapping[str, Result]) -> None:
    """Raise the failures after which another plan may do better: see `build_plan`."""
    lost = [
        planned.id
        for planned in plan.images
        if planned.action == "fetch" and _is_lost(results[planned.id].error)
    ]
    if lost:
        raise MissingInRegistryError(f"the registry does not deliver {', '.join(lost)}", images=tuple(lost))
    gone = [result.error for result in results.values() if isinstance(result.error, UnavailableError)]
    if gone:
        raise gone[0]


def _is_lost(error: Exception | None) -> bool:
    """Whether a fetch failed because of its registry, not because of this machine's disk."""
    return isinstance(error, RegistryError | CommandError) and not isinstance(error, NoSpaceError)


def started_event(run: PlannedRun, now: datetime, checkout: Checkout | None, engine: str) -> RunStarted:
    """Return the first event of a run, but for its tasks, without secrets."""
    workspace = run.workspace
    event = RunStarted(
        argv=run.request.argv,
        started_at=now.isoformat(timespec="seconds"),
        settings=workspace.settings.model_dump(mode="json"),
        versions={
            "dockwright": version(),
            "python": platform.python_version(),
            "uv": workspace.stack.uv,
        },
        base=workspace.base.kind,
        engine=engine,
        checkout=checkout,
        capacity=workspace.capacity,
    )
    return without_secrets(event)


def _guard(engine: Engine, run: PlannedRun, events: EventLog) -> DiskGuard:
    settings = run.workspace.settings
    written = run_folders(settings, store=engine.capabilities.store_on_this_machine)
    return DiskGuard(
        lambda: file_systems(written),
        run.estimate.by_task if run.estimate is not None else {},
        floor_bytes=settings.disk_floor_mb * 10**6,
        events=events,
        trusting=not settings.ignore_disk,
    )


def _with_unique(report: Report, state: State, plan: Plan) -> Report:
    """Add the bytes that no other image shares, which are known only once all images exist."""
    built = {f"{row.image}:{row.variant}" for row in report.images if row.action.ok}
    records = {one.id: state.record(one.id, tag(one.key)) for one in plan.images if one.id in built}
    layers = {id_: record.layers for id_, record in records.items() if record is not None}
    unique = unique_bytes(layers, layers)
    rows = [
        row.model_copy(update={"unique_bytes": unique.get(f"{row.image}:{row.variant}")})
        for row in report.images
    ]
    return report.model_copy(update={"images": tuple(rows)})
