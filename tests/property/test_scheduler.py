"""Whatever the graph, its weights and its failures: the promises of the scheduler hold."""

from collections import Counter
from dataclasses import dataclass

import anyio
from anyio.lowlevel import checkpoint
from hypothesis import given
from hypothesis import strategies as st

from ci.errors import BuildError
from ci.report.events import Event, TaskEnded, TaskStarted
from ci.run.tasks.kind import ImageTask
from ci.run.tasks.order import weight_of
from ci.run.tasks.scheduler import Scheduler
from ci.run.tasks.task import Outcome, Result, Task, WorkResult


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    tasks: tuple[Task, ...]
    failing: frozenset[str]
    turns: dict[str, int]
    """How often each task gives way to the others before it ends."""
    capacity: int
    fail_fast: bool
    interrupt_at: int | None
    """The number of the task start at which the run is interrupted."""


@st.composite
def cases(draw: st.DrawFn) -> Case:
    size = draw(st.integers(0, 10))
    tasks = []
    for number in range(size):
        needs = draw(st.sets(st.integers(0, number - 1), max_size=3)) if number else set[int]()
        tasks.append(
            Task(
                kind=ImageTask(f"t{number}"),
                needs=tuple(f"t{need}" for need in sorted(needs)),
                weight=draw(st.integers(1, 4)),
                expected_s=draw(st.sampled_from((0.0, 1.0, 7.0, 60.0))),
                commit_token=draw(st.booleans()),
            )
        )
    ids = [task.id for task in tasks]
    return Case(
        tasks=tuple(draw(st.permutations(tasks))),
        failing=frozenset(draw(st.sets(st.sampled_from(ids), max_size=3))) if ids else frozenset(),
        turns={id_: draw(st.integers(0, 4)) for id_ in ids},
        capacity=draw(st.integers(1, 5)),
        fail_fast=draw(st.booleans()),
        interrupt_at=draw(st.none() | st.integers(1, 6)),
    )


class Observed:
    """Work as the case has it, and what was seen of it."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.events: list[Event] = []
        self.results: dict[str, Result] = {}
        self.most_weight = self.most_tokens = 0
        self._inside: list[Task] = []
        self._starts = 0
        self._now_s = 0.0

    def emit(self, event: Event) -> None:
        self.events.append(event)

    def clock(self) -> float:
        self._now_s += 0.5
        return self._now_s

    async def work(self, task: Task) -> WorkResult:
        self._inside.append(task)
        self._starts += 1
        if self._starts == self.case.interrupt_at:
            self.interrupt.set()
        weight = sum(weight_of(one, self.case.capacity) for one in self._inside)
        self.most_weight = max(self.most_weight, weight)
        self.most_tokens = max(self.most_tokens, sum(one.commit_token for one in self._inside))
        try:
            for _ in range(self.case.turns[task.id]):
                await checkpoint()
        finally:
            self._inside.remove(task)
        if task.id in self.case.failing:
            raise BuildError(task.id)
        return WorkResult()

    async def run(self) -> None:
        self.interrupt = anyio.Event()
        scheduler = Scheduler(
            capacity=self.case.capacity, events=self, clock=self.clock, fail_fast=self.case.fail_fast
        )
        self.results = await scheduler.run(self.case.tasks, self.work, interrupt=self.interrupt)


@given(cases())
def test_the_promises_of_a_run_hold(case: Case) -> None:
    seen = Observed(case)
    anyio.run(seen.run)
    results = seen.results
    assert seen.most_weight <= case.capacity
    assert seen.most_tokens <= 1
    assert list(results) == [task.id for task in case.tasks]
    ends = Counter(event.task for event in seen.events if isinstance(event, TaskEnded))
    assert ends == Counter(list(results))

    done: dict[str, Outcome] = {}
    for event in seen.events:
        if isinstance(event, TaskStarted):
            needs = results[event.task].task.needs
            assert all(need in done and done[need].ok for need in needs)
        elif isinstance(event, TaskEnded):
            done[event.task] = event.outcome

    whole = not seen.interrupt.is_set() and not case.fail_fast
    for result in results.values():
        causes = {need for need in result.task.needs if results[need].outcome is Outcome.failed}
        causes.update(*(results[need].blocked_by for need in result.task.needs))
        if causes:
            assert (result.outcome, set(result.blocked_by)) == (Outcome.blocked, causes)
        else:
            assert result.outcome is not Outcome.blocked
            assert result.blocked_by == ()
            if whole:
                failed = result.task.id in case.failing
                assert result.outcome is (Outcome.failed if failed else Outcome.built)
