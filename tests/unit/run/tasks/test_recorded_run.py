"""A recorded run: begun, done or stopped, written down."""

import os
import signal
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import anyio
import pytest
from anyio.lowlevel import checkpoint

from ci.errors import BuildError
from ci.report.events import RunEnded, RunStarted
from ci.report.report import Report, report_of
from ci.run.tasks.event_log import EventLog, read_events
from ci.run.tasks.kind import ImageTask
from ci.run.tasks.recorded_run import RunLog, record_run
from ci.run.tasks.task import Task, Work, WorkResult
from ci.run.workspace.run_directory import RunDirectory, create_run_directory
from tests.unit.run.tasks.toy import Gate, Tick

TASKS = (
    Task(kind=ImageTask("debhouse:cpu")),
    Task(kind=ImageTask("base:cpu"), needs=("debhouse:cpu",), image="base", variant="cpu"),
)


@pytest.fixture
def directory(tmp_path: Path) -> RunDirectory:
    return create_run_directory(tmp_path, now=datetime(2026, 1, 2, tzinfo=UTC), pid=1)


async def recorded(work: Work, directory: RunDirectory) -> Report:
    with EventLog(directory.events, clock=Tick()) as events:
        started = RunStarted(argv=("dockwright", "build-all"), capacity=2)
        log = RunLog(directory=directory, events=events)
        report, _ = await record_run(TASKS, work, log=log, started=started)
    return report


def kept(directory: RunDirectory) -> Report:
    return Report.model_validate_json(directory.report.read_text())


async def test_a_run_leaves_its_log_and_the_report_made_of_it(directory: RunDirectory) -> None:
    async def work(task: Task) -> WorkResult:
        await checkpoint()
        return WorkResult()

    report = await recorded(work, directory)
    events = read_events(directory.events)
    assert events[0] == RunStarted(
        argv=("dockwright", "build-all"),
        tasks=tuple(task.planned() for task in TASKS),
        capacity=2,
        time_s=events[0].time_s,
    )
    assert [event.kind for event in events[1:]] == [
        "task_started",
        "task_ended",
        "task_started",
        "task_ended",
        "run_ended",
    ]
    assert report == report_of(events) == kept(directory)
    assert (report.exit_code, report.complete, report.interrupted) == (0, True, False)
    assert [row.action for row in report.images] == ["built"]


async def test_a_failure_gives_the_run_its_exit_code(directory: RunDirectory) -> None:
    async def work(task: Task) -> WorkResult:
        await checkpoint()
        raise BuildError("no")

    report = await recorded(work, directory)
    assert (report.exit_code, report.complete, report.interrupted) == (6, True, False)


@pytest.fixture
def hangup() -> Iterator[None]:
    """SIGHUP as a terminal gives it: under nohup it is ignored, and a run leaves it so."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.mark.usefixtures("hangup")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
async def test_a_signal_stops_the_run_and_its_log_is_whole(
    directory: RunDirectory, number: signal.Signals
) -> None:
    gate = Gate()

    async def work(task: Task) -> WorkResult:
        os.kill(os.getpid(), number)
        return await gate(task)

    before = signal.getsignal(number)
    report = await recorded(work, directory)
    assert gate.cancelled == ["debhouse:cpu"]
    assert report == kept(directory)
    assert (report.exit_code, report.complete, report.interrupted) == (130, True, True)
    assert [row.action for row in report.images] == ["cancelled"]
    assert report.warnings[0].startswith(f"{number.name}: stopping; finished images stay")
    assert signal.getsignal(number) in (before, signal.default_int_handler, signal.SIG_DFL)


async def test_a_second_signal_does_not_break_off_the_stopping(directory: RunDirectory) -> None:
    ended = list[str]()

    async def work(task: Task) -> WorkResult:
        os.kill(os.getpid(), signal.SIGINT)
        try:
            await anyio.sleep_forever()
        finally:
            with anyio.CancelScope(shield=True):
                os.kill(os.getpid(), signal.SIGINT)
                for _ in range(5):
                    await checkpoint()
                ended.append(task.id)
        return WorkResult()

    report = await recorded(work, directory)
    assert ended == ["debhouse:cpu"]
    assert [text.partition(":")[0] for text in report.warnings] == ["SIGINT", "SIGINT again"]


async def test_a_cancelled_run_is_written_down_as_interrupted(directory: RunDirectory) -> None:
    with anyio.CancelScope() as scope:

        async def work(task: Task) -> WorkResult:
            scope.cancel()
            await anyio.sleep_forever()
            return WorkResult()

        await recorded(work, directory)
    events = read_events(directory.events)
    assert events[-1] == RunEnded(exit_code=130, interrupted=True, time_s=events[-1].time_s)
    assert kept(directory) == report_of(events)


async def test_a_report_that_cannot_be_written_is_a_warning(directory: RunDirectory) -> None:
    async def work(task: Task) -> WorkResult:
        await checkpoint()
        return WorkResult()

    directory.report.mkdir()
    report = await recorded(work, directory)
    assert report.exit_code == 0
    assert "the report can't be written" in directory.events.read_text()
