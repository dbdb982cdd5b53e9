"""Does the tasks of a run: in order, as many at once as fit, going on past failures."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import anyio
from anyio.abc import TaskGroup

from ci.errors import DiskFullError
from ci.report.events import EventSink, Failure, TaskEnded, TaskStarted
from ci.run.tasks.event_log import Clock
from ci.run.tasks.failure import cause_of, failure_of
from ci.run.tasks.order import Running, critical_paths, in_order, startable
from ci.run.tasks.task import Outcome, Result, Task, Work


@dataclass(frozen=True, slots=True, kw_only=True)
class Scheduler:
    """Does tasks in order, as many at once as fit.

    Attributes:
        capacity: most weight of the tasks that run at once; at least 1.
        events: gets the start and the end of each task.
        clock: times the tasks.
        fail_fast: start nothing after a failure.
        log_of: names the file for the full output of a task.
    """

    capacity: int
    events: EventSink
    clock: Clock
    fail_fast: bool = False
    log_of: Callable[[str], Path] | None = None

    async def run(
        self, tasks: Sequence[Task], work: Work, *, interrupt: anyio.Event | None = None
    ) -> dict[str, Result]:
        """Do all `tasks` and return how each ended by its id, in the order of `tasks`.

        A task starts when all that it needs was built or reused, the one first that the longest path of
        expected seconds depends on, while the weights of what runs stay within `capacity`. What depends on a
        failed task is `blocked`; the others go on. With `fail_fast`, and once a disk is full, nothing starts
        after a failure; what runs may end.
        Once `interrupt` is set, what runs is cancelled and all that did not start is `cancelled`, in the
        results and in the events; so they are when the caller itself is cancelled.

        Raises:
            ValueError: `tasks` are no graph without circles, or `capacity` is less than 1.
        """
        if self.capacity < 1:
            raise ValueError(f"the capacity of a run is at least 1, not {self.capacity}")
        run = _Run(self, tasks, work)
        try:
            async with anyio.create_task_group() as watch:
                with anyio.CancelScope() as scope:
                    if interrupt is not None:
                        watch.start_soon(_cancel_once, interrupt, scope)
                    async with anyio.create_task_group() as group:
                        run.start(group)
                watch.cancel_scope.cancel()
        finally:
            run.close()
        return {task.id: run.results[task.id] for task in tasks}


def exit_code(results: dict[str, Result], *, interrupted: bool = False) -> int:
    """Return the exit code of a run: 0 only if every task ended well.

    130 when it was interrupted; the failures' own code when they agree on one, else 1.
    """
    if interrupted:
        return 130
    failed = [result.error for result in results.values() if result.outcome is Outcome.failed]
    codes = {getattr(error, "exit_code", 1) for error in failed}
    if len(codes) == 1:
        return int(codes.pop())
    return 0 if all(result.outcome.ok for result in results.values()) else 1


async def _cancel_once(interrupt: anyio.Event, scope: anyio.CancelScope) -> None:
    await interrupt.wait()
    scope.cancel()


class _Run:
    """The state of one `Scheduler.run`; all of it is changed between two awaits, by one thread."""

    def __init__(self, scheduler: Scheduler, tasks: Sequence[Task], work: Work) -> None:
        self._order = in_order(tasks)
        self._paths = critical_paths(tasks)
        self._scheduler, self._work = scheduler, work
        self._running: dict[str, Running] = {}
        self._stopped = False
        self.results: dict[str, Result] = {}

    def start(self, group: TaskGroup) -> None:
        """Start what can start now."""
        if self._stopped or anyio.get_current_task().has_pending_cancellation():
            return
        now_s = self._scheduler.clock()
        ready = [
            task
            for task in self._order
            if task.id not in self.results
            and task.id not in self._running
            and all(need in self.results and self.results[need].outcome.ok for need in task.needs)
        ]
        running, capacity = self._running.values(), self._scheduler.capacity
        for task in startable(ready, running, capacity=capacity, paths=self._paths, now_s=now_s):
            self._running[task.id] = Running(task=task, started_s=now_s)
            group.start_soon(self._do, task, group, name=task.id)

    def close(self) -> None:
        """Give an outcome to every task that has none: those that never started, and those broken off."""
        for task in self._order:
            if task.id not in self.results:
                self._end_unstarted(task)

    async def _do(self, task: Task, group: TaskGroup) -> None:
        log_of = self._scheduler.log_of
        log = log_of(task.id) if log_of is not None else None
        self._scheduler.events.emit(TaskStarted(task=task.id, log=str(log) if log is not None else None))
        try:
            done = await self._work(task)
        except Exception as error:
            if anyio.get_current_task().has_pending_cancellation():
                # a child that was ended on purpose may well be reported as one that failed
                self._end(Result(task=task, outcome=Outcome.cancelled))
            else:
                cause = cause_of(error)
                written = log if log is not None and log.exists() else None
                failure = failure_of(cause, log=written)
                self._end(Result(task=task, outcome=Outcome.failed, error=cause), failure)
                stops = self._scheduler.fail_fast or isinstance(cause, DiskFullError)
                self._stopped = self._stopped or stops
        else:
            self._end(Result(task=task, outcome=done.outcome, details=done.details))
        self._end_blocked()
        self.start(group)

    def _end(self, result: Result, failure: Failure | None = None) -> None:
        """Record how a task ended, with the seconds since its start."""
        id_ = result.task.id
        running = self._running.pop(id_, None)
        if running is not None:
            result = replace(result, seconds=round(self._scheduler.clock() - running.started_s, 3))
        self.results[id_] = result
        self._scheduler.events.emit(
            TaskEnded(
                task=id_,
                outcome=result.outcome,
                seconds=result.seconds,
                details=result.details,
                failure=failure,
                blocked_by=result.blocked_by,
            )
        )

    def _end_blocked(self) -> None:
        """End what can never start, once all that it needs has ended: its causes are complete then."""
        for task in self._order:
            if task.id in self.results or task.id in self._running:
                continue
            needs = [self.results.get(need) for need in task.needs]
            if all(needs) and not all(need is not None and need.outcome.ok for need in needs):
                self._end_unstarted(task)

    def _end_unstarted(self, task: Task) -> None:
        causes: set[str] = set()
        for need in task.needs:
            result = self.results.get(need)
            if result is None:
                continue
            if result.outcome is Outcome.failed:
                causes.add(need)
            causes.update(result.blocked_by)
        outcome = Outcome.blocked if causes else Outcome.cancelled
        self._end(Result(task=task, outcome=outcome, blocked_by=tuple(sorted(causes))))
