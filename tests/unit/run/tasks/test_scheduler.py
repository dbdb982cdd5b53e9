"""Running tasks: order, limits, failures, interruption."""

from pathlib import Path

import anyio
import pytest
from anyio import wait_all_tasks_blocked
from anyio.lowlevel import checkpoint

from ci.errors import BuildError, CommandError, DockwrightError, FetchError
from ci.report.events import Details, Failure
from ci.run.tasks.kind import ImageTask
from ci.run.tasks.scheduler import Scheduler, exit_code
from ci.run.tasks.task import Outcome, Result, Task, Work, WorkResult
from tests.unit.run.tasks.toy import Gate, Sink, Tick, stack


def outcomes(results: dict[str, Result]) -> dict[str, str]:
    return {id_: str(result.outcome) for id_, result in results.items()}


def failing(*ids: str) -> Work:
    async def work(task: Task) -> WorkResult:
        await checkpoint()
        if task.id in ids:
            raise BuildError(f"{task.id}: step 3 failed")
        return WorkResult()

    return work


async def test_what_depends_on_a_task_starts_when_it_has_ended() -> None:
    sink, gate = Sink(), Gate()
    async with anyio.create_task_group() as group:

        async def run() -> None:
            await Scheduler(capacity=2, events=sink, clock=Tick()).run(stack(), gate)

        group.start_soon(run)
        await wait_all_tasks_blocked()
        assert gate.inside == ["base"]
        gate.release("base")
        await wait_all_tasks_blocked()
        assert gate.inside == ["base-ml", "mux"]
        gate.release("mux")
        await wait_all_tasks_blocked()
        assert gate.inside == ["base-ml"]
        gate.release("base-ml")
        await wait_all_tasks_blocked()
        assert gate.inside == ["asr"]
        gate.release("asr")
    assert sink.ended == [("base", "built"), ("mux", "built"), ("base-ml", "built"), ("asr", "built")]


async def test_results_come_in_the_order_of_the_tasks_with_what_the_work_gave() -> None:
    details = Details(key="k", unpacked_bytes=3)

    async def work(task: Task) -> WorkResult:
        await checkpoint()
        return WorkResult(outcome=Outcome.reused if task.id == "base" else Outcome.built, details=details)

    tasks = [Task(kind=ImageTask("asr"), needs=("base",)), Task(kind=ImageTask("base"))]
    results = await Scheduler(capacity=1, events=Sink(), clock=Tick()).run(tasks, work)
    assert list(results.values()) == [
        Result(task=tasks[0], outcome=Outcome.built, seconds=1.0, details=details),
        Result(task=tasks[1], outcome=Outcome.reused, seconds=1.0, details=details),
    ]


async def test_a_failure_blocks_what_depends_on_it_and_the_others_go_on() -> None:
    sink = Sink()
    results = await Scheduler(capacity=2, events=sink, clock=Tick()).run(stack(), failing("base-ml"))
    assert outcomes(results) == {"base": "built", "base-ml": "failed", "mux": "built", "asr": "blocked"}
    assert results["asr"].blocked_by == sink.end_of("asr").blocked_by == ("base-ml",)
    assert sink.end_of("base-ml").failure == Failure(
        message="base-ml: step 3 failed", error="BuildError", exit_code=6
    )


async def test_a_blocked_task_names_every_failure_behind_it() -> None:
    tasks = [
        Task(kind=ImageTask("wheels")),
        Task(kind=ImageTask("debs")),
        Task(kind=ImageTask("base"), needs=("wheels", "debs")),
        Task(kind=ImageTask("asr"), needs=("base",)),
    ]
    results = await Scheduler(capacity=1, events=Sink(), clock=Tick()).run(tasks, failing("wheels", "debs"))
    assert results["asr"].blocked_by == ("debs", "wheels")


async def test_with_fail_fast_what_runs_may_end_and_nothing_else_starts() -> None:
    def then(task: Task) -> WorkResult:
        if task.id == "mux":
            raise BuildError("mux: no")
        return WorkResult()

    sink, gate = Sink(), Gate(then)
    results: dict[str, Result] = {}
    async with anyio.create_task_group() as group:

        async def run() -> None:
            results.update(
                await Scheduler(capacity=2, events=sink, clock=Tick(), fail_fast=True).run(stack(), gate)
            )

        group.start_soon(run)
        gate.release("base")
        gate.release("mux")
        await wait_all_tasks_blocked()
        assert gate.inside == ["base-ml"]
        gate.release("base-ml")
    assert outcomes(results) == {"base": "built", "base-ml": "built", "mux": "failed", "asr": "cancelled"}
    assert sink.started == ["base", "base-ml", "mux"]


async def test_an_interrupt_cancels_what_runs_and_what_did_not_start() -> None:
    sink, gate, interrupt = Sink(), Gate(), anyio.Event()
    results: dict[str, Result] = {}
    async with anyio.create_task_group() as group:

        async def run() -> None:
            results.update(
                await Scheduler(capacity=2, events=sink, clock=Tick()).run(stack(), gate, interrupt=interrupt)
            )

        group.start_soon(run)
        gate.release("base")
        await wait_all_tasks_blocked()
        interrupt.set()
    assert sorted(gate.cancelled) == ["base-ml", "mux"]
    assert outcomes(results) == {
        "base": "built",
        "base-ml": "cancelled",
        "mux": "cancelled",
        "asr": "cancelled",
    }
    assert sink.ended[-1] == ("asr", "cancelled")
    assert exit_code(results, interrupted=True) == 130


async def test_work_that_reports_its_ended_child_as_a_failure_was_cancelled() -> None:
    interrupt = anyio.Event()

    async def work(task: Task) -> WorkResult:
        interrupt.set()
        try:
            await anyio.sleep_forever()
        except anyio.get_cancelled_exc_class() as error:
            raise BuildError("the child ended with -15") from error
        return WorkResult()

    sink = Sink()
    results = await Scheduler(capacity=2, events=sink, clock=Tick()).run(stack(), work, interrupt=interrupt)
    assert set(outcomes(results).values()) == {"cancelled"}
    assert sink.started == ["base"]


async def test_an_interrupt_that_came_before_the_start_starts_nothing_that_ends() -> None:
    interrupt = anyio.Event()
    interrupt.set()
    gate = Gate()
    results = await Scheduler(capacity=2, events=Sink(), clock=Tick()).run(stack(), gate, interrupt=interrupt)
    assert set(outcomes(results).values()) == {"cancelled"}


async def test_when_the_caller_is_cancelled_every_task_still_has_its_end_in_the_log() -> None:
    sink, gate = Sink(), Gate()
    with anyio.CancelScope() as scope:
        async with anyio.create_task_group() as group:

            async def run() -> None:
                await Scheduler(capacity=2, events=sink, clock=Tick()).run(stack(), gate)

            group.start_soon(run)
            await wait_all_tasks_blocked()
            scope.cancel()
    assert sink.ended == [
        ("base", "cancelled"),
        ("base-ml", "cancelled"),
        ("mux", "cancelled"),
        ("asr", "cancelled"),
    ]


async def test_any_other_exception_is_a_failure_whose_traceback_is_kept() -> None:
    async def work(task: Task) -> WorkResult:
        await checkpoint()
        return WorkResult(outcome=Outcome(task.id))

    sink = Sink()
    results = await Scheduler(capacity=1, events=sink, clock=Tick()).run([Task(kind=ImageTask("a"))], work)
    assert results["a"].outcome is Outcome.failed
    failure = sink.end_of("a").failure
    assert failure is not None
    assert failure.message.startswith("ValueError: 'a' is not a valid Outcome (a bug in dockwright")
    assert failure.traceback is not None
    assert "in work" in failure.traceback


async def test_the_error_of_a_task_group_is_the_one_inside_it() -> None:
    async def inside() -> None:
        await checkpoint()
        raise FetchError("torch: its hash is another")

    async def work(task: Task) -> WorkResult:
        async with anyio.create_task_group() as group:
            group.start_soon(inside)
        return WorkResult()

    sink = Sink()
    await Scheduler(capacity=1, events=sink, clock=Tick()).run([Task(kind=ImageTask("a"))], work)
    assert sink.end_of("a").failure == Failure(
        message="torch: its hash is another", error="FetchError", exit_code=4
    )


async def test_a_failure_names_its_log_if_there_is_one_and_the_start_always_does(tmp_path: Path) -> None:
    async def work(task: Task) -> WorkResult:
        await checkpoint()
        if task.id == "a":
            (tmp_path / "a.log").write_text("…")
        raise BuildError("no")

    sink = Sink()
    tasks = [Task(kind=ImageTask("a")), Task(kind=ImageTask("b"))]
    await Scheduler(capacity=1, events=sink, clock=Tick(), log_of=lambda id_: tmp_path / f"{id_}.log").run(
        tasks, work
    )
    failures = [end.failure for end in map(sink.end_of, ("a", "b")) if end.failure is not None]
    assert [failure.log for failure in failures] == [str(tmp_path / "a.log"), None]
    logs = [event.log for event in sink.events if event.kind == "task_started"]
    assert logs == [str(tmp_path / "a.log"), str(tmp_path / "b.log")]


async def test_the_last_lines_of_the_failed_command_are_kept_and_not_said_twice() -> None:
    tail = "\n".join(f"line {number}" for number in range(50))

    async def work(task: Task) -> WorkResult:
        await checkpoint()
        error = CommandError(("buildah", "build"), 1, tail)
        raise BuildError(f"docker/asr: step 4 failed: {error}") from error

    sink = Sink()
    await Scheduler(capacity=1, events=sink, clock=Tick()).run([Task(kind=ImageTask("a"))], work)
    failure = sink.end_of("a").failure
    assert failure == Failure(
        message="docker/asr: step 4 failed: `buildah build` ended with 1:",
        error="BuildError",
        last_lines=tuple(f"line {number}" for number in range(10, 50)),
        exit_code=6,
    )


async def test_a_run_without_tasks_ends_at_once() -> None:
    assert await Scheduler(capacity=1, events=Sink(), clock=Tick()).run([], Gate()) == {}


async def test_a_capacity_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 1, not 0"):
        await Scheduler(capacity=0, events=Sink(), clock=Tick()).run([], Gate())


def test_work_that_ends_well_is_no_failure() -> None:
    with pytest.raises(ValueError, match="a failure is raised"):
        WorkResult(outcome=Outcome.failed)


@pytest.mark.parametrize(
    ("ended", "code"),
    [
        ([(Outcome.built, None), (Outcome.reused, None)], 0),
        ([(Outcome.built, None), (Outcome.failed, FetchError("x")), (Outcome.blocked, None)], 4),
        ([(Outcome.failed, FetchError("x")), (Outcome.failed, BuildError("x"))], 1),
        ([(Outcome.failed, KeyError("x"))], 1),
        ([(Outcome.cancelled, None)], 1),
    ],
)
def test_the_exit_code_is_0_only_if_everything_exists(
    ended: list[tuple[Outcome, DockwrightError | None]], code: int
) -> None:
    results = {
        str(number): Result(task=Task(kind=ImageTask(str(number))), outcome=outcome, error=error)
        for number, (outcome, error) in enumerate(ended)
    }
    assert exit_code(results) == code
