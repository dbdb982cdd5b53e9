"""One recorded run, from its first event to its report."""

from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import anyio
from anyio.abc import TaskStatus

from ci.report.events import RunEnded, RunStarted
from ci.report.report import Report, report_of
from ci.run.tasks.event_log import Clock, EventLog
from ci.run.tasks.scheduler import exit_code, run_tasks
from ci.run.tasks.signals import set_on_signals
from ci.run.tasks.task import Result, Task, Work
from ci.run.workspace.atomic_write import write_atomically
from ci.run.workspace.run_directory import RunDirectory


async def record_run(
    tasks: Sequence[Task],
    work: Work,
    *,
    directory: RunDirectory,
    events: EventLog,
    clock: Clock,
    started: RunStarted,
    capacity: int,
    fail_fast: bool = False,
    beside: Callable[[], Coroutine[Any, Any, None]] | None = None,
) -> tuple[Report, dict[str, Result]]:
    """Do `tasks` with their beginning and end in `events`, write `report.json`, return it and the results.

    `started` says what was asked for; its tasks and capacity are filled in here. A signal that asks the run
    to stop makes its exit code 130; log and report are completed all the same. `beside` goes on for as long
    as the tasks do and is cancelled then.
    """
    interrupt = anyio.Event()
    planned = tuple(task.planned() for task in tasks)
    events.emit(started.model_copy(update={"tasks": planned, "capacity": capacity}))
    results: dict[str, Result] = {}
    code: int | None = None

    async def listen(*, task_status: TaskStatus[None]) -> None:
        await set_on_signals(interrupt, warn=events.warning, task_status=task_status)

    try:
        async with anyio.create_task_group() as group:
            await group.start(listen)
            if beside is not None:
                group.start_soon(beside)
            results = await run_tasks(
                tasks,
                work,
                capacity=capacity,
                events=events,
                clock=clock,
                interrupt=interrupt,
                fail_fast=fail_fast,
                log_of=directory.log_of,
            )
            group.cancel_scope.cancel()
        code = exit_code(results, interrupted=interrupt.is_set())
    finally:
        events.emit(RunEnded(exit_code=130 if code is None else code, interrupted=code in (None, 130)))
        report = report_of(events.events)
        try:
            write_atomically(directory.report, report.as_json())
        except OSError as error:
            events.warning(f"{directory.report}: the report can't be written ({error.strerror})")
    return report, results
