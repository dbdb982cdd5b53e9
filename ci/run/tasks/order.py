"""Which tasks start now: a pure decision over what is ready, what runs and what it is expected to take."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter

from ci.run.tasks.task import Task


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A task that was started at `started_s`."""

    task: Task
    started_s: float

    def remaining_s(self, now_s: float) -> float:
        """Return how long it is expected to go on; one that overran is expected to take as long again."""
        elapsed_s = now_s - self.started_s
        remaining_s = self.task.expected_s - elapsed_s
        return remaining_s if remaining_s > 0 else elapsed_s


def in_order(tasks: Sequence[Task]) -> tuple[Task, ...]:
    """Return `tasks` with every task after all that it needs.

    Raises:
        ValueError: two tasks have one id, a task needs one that is not there, or needs go in a circle.
    """
    by_id = {task.id: task for task in tasks}
    if len(by_id) != len(tasks):
        twice = sorted({task.id for task in tasks if sum(other.id == task.id for other in tasks) > 1})
        raise ValueError(f"tasks of a run must have different ids; more than once: {', '.join(twice)}")
    for task in tasks:
        if absent := [need for need in task.needs if need not in by_id]:
            raise ValueError(f"task {task.id!r} needs {', '.join(absent)}, which this run does not have")
    try:
        order = tuple(TopologicalSorter({task.id: task.needs for task in tasks}).static_order())
    except CycleError as error:
        raise ValueError(f"tasks need each other in a circle: {' -> '.join(error.args[1])}") from error
    return tuple(by_id[id_] for id_ in order)


def critical_paths(tasks: Sequence[Task]) -> dict[str, float]:
    """Return for each task the expected seconds of the longest path from its start to the end of the run.

    Raises:
        ValueError: as `in_order`.
    """
    longest_after = {task.id: 0.0 for task in tasks}
    paths: dict[str, float] = {}
    for task in reversed(in_order(tasks)):
        paths[task.id] = task.expected_s + longest_after[task.id]
        for need in task.needs:
            longest_after[need] = max(longest_after[need], paths[task.id])
    return paths


def weight_of(task: Task, capacity: int) -> int:
    """Return the part of `capacity` that `task` takes: at least 1, at most all of it."""
    return max(1, min(task.weight, capacity))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Hold:
    """A reservation for the first task that does not fit: it starts after `after_s`, `spare` stays free."""

    task: Task
    after_s: float
    spare: int


def startable(
    ready: Collection[Task],
    running: Collection[Running],
    *,
    capacity: int,
    paths: Mapping[str, float],
    now_s: float,
) -> tuple[Task, ...]:
    """Return the tasks of `ready` that start now: those first that the longest path hangs on.

    The first one that does not fit is not overtaken for ever: a later one goes before it only when it is
    expected to end before the first could start, or takes nothing that the first will need.

    Source: D. Lifka, The ANL/IBM SP Scheduling System, 1995 (backfilling with one reservation).
    """
    chosen: list[Running] = []
    hold: _Hold | None = None
    for task in sorted(ready, key=lambda task: (-paths[task.id], task.id)):
        busy = [*running, *chosen]
        weight = weight_of(task, capacity)
        free = capacity - sum(weight_of(other.task, capacity) for other in busy)
        token_free = not any(other.task.commit_token for other in busy)
        if weight > free or (task.commit_token and not token_free):
            if hold is None:
                hold = _hold(task, busy, capacity=capacity, now_s=now_s)
            continue
        if hold is not None and task.expected_s > hold.after_s:
            if weight > hold.spare or (task.commit_token and hold.task.commit_token):
                continue
            hold = _Hold(task=hold.task, after_s=hold.after_s, spare=hold.spare - weight)
        chosen.append(Running(task=task, started_s=now_s))
    return tuple(started.task for started in chosen)


def _hold(task: Task, busy: Collection[Running], *, capacity: int, now_s: float) -> _Hold:
    free = capacity - sum(weight_of(other.task, capacity) for other in busy)
    token_free = not any(other.task.commit_token for other in busy)
    needed = weight_of(task, capacity)
    after_s = 0.0
    for other in sorted(busy, key=lambda other: other.remaining_s(now_s)):
        if free >= needed and (token_free or not task.commit_token):
            break
        after_s = other.remaining_s(now_s)
        free += weight_of(other.task, capacity)
        token_free = token_free or other.task.commit_token
    return _Hold(task=task, after_s=after_s, spare=free - needed)
