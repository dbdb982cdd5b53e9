"""One recorded run, from its first event to its report."""

from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any

import anyio
from anyio.abc import TaskStatus

from ci.report.events import RunEnded, RunStarted
from ci.report.report import Report, report_of
from ci.run.tasks.event_log import EventLog
from ci.run.tasks.scheduler import Scheduler, exit_code
from ci.run.tasks.signals import set_on_signals
from ci.run.tasks.task import Result, Task, Work
from ci.run.workspace.run_directory import PRIVATE, RunDirectory
from ci.wheelhouse.program.atomic_write import write_atomically


@dataclass(frozen=True, slots=True, kw_only=True)
class RunLog:
    """Where a run is recorded: its open event log, and the directory of that, its report and its logs."""

    directory: RunDirectory
    events: EventLog


async def record_run(
    tasks: Sequence[Task],
    work: Work,
    *,
    log: RunLog,
    started: RunStarted,
    fail_fast: bool = False,
    background: Callable[[], Coroutine[Any, Any, None]] | None = None,
) -> tuple[Report, dict[str, Result]]:
    """Do `tasks`, record their start and end in `log`, write `report.json`, return it and the results.

    `started` has the request and the capacity; the tasks are added here. A signal that asks the run to stop
    makes its exit code 130; log and report are completed all the same. `background` runs as long as the tasks
    do and is cancelled then.
    """
    events, directory = log.events, log.directory
    interrupt = anyio.Event()
    events.emit(started.model_copy(update={"tasks": tuple(task.planned() for task in tasks)}))
    results: dict[str, Result] = {}
    code: int | None = None
    scheduler = Scheduler(
        capacity=started.capacity,
        events=events,
        clock=events.clock,
        fail_fast=fail_fast,
        log_of=directory.log_of,
    )

    async def listen(*, task_status: TaskStatus[None]) -> None:
        await set_on_signals(interrupt, warn=events.warning, task_status=task_status)

    try:
        async with anyio.create_task_group() as group:
            await group.start(listen)
            if background is not None:
                group.start_soon(background)
            results = await scheduler.run(tasks, work, interrupt=interrupt)
            group.cancel_scope.cancel()
        code = exit_code(results, interrupted=interrupt.is_set())
    finally:
        events.emit(RunEnded(exit_code=130 if code is None else code, interrupted=code in (None, 130)))
        report = report_of(events.events)
        try:
            write_atomically(directory.report, report.as_json(), PRIVATE)
        except OSError as error:
            events.warning(f"{directory.report}: the report can't be written ({error.strerror})")
    return report, results
