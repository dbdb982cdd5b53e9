"""Disks while a run goes on, on file systems that the test fills itself."""

from __future__ import annotations

import errno
from dataclasses import replace
from pathlib import Path

import anyio
import pytest
from anyio import wait_all_tasks_blocked
from anyio.lowlevel import checkpoint

from ci.errors import BuildError, CommandError, DiskError, DiskFullError
from ci.report.events import DiskUsed
from ci.run.estimate.disk_guard import DiskGuard
from ci.run.estimate.file_system import FileSystem
from ci.run.estimate.needs import TaskNeed
from ci.run.tasks.kind import ImageTask
from ci.run.tasks.scheduler import Scheduler, exit_code
from ci.run.tasks.task import Result, Task, Work, WorkResult
from tests.unit.run.tasks.toy import Gate, Sink, Tick, stack

GB = 10**9
FLOOR = GB // 2


class Disk:
    """One file system of 100 GB that holds everything."""

    def __init__(self, free_gb: float) -> None:
        self.system = FileSystem(
            device=1,
            path=Path("/dw/store"),
            used_for=("store", "temporary files", "state"),
            free_bytes=int(free_gb * GB),
            used_bytes=int((100 - free_gb) * GB),
        )

    def write(self, gb: float) -> None:
        free, used = self.system.free_bytes - int(gb * GB), self.system.used_bytes + int(gb * GB)
        self.system = replace(self.system, free_bytes=free, used_bytes=used)

    def __call__(self) -> tuple[FileSystem, ...]:
        return (self.system,)


def need(task: str, kept_gb: float, moment_gb: float = 0) -> TaskNeed:
    return TaskNeed(
        task=task, persistent={"store": int(kept_gb * GB)}, transient={"temporary files": int(moment_gb * GB)}
    )


def guard(disk: Disk, *needs: TaskNeed, trusting: bool = True, sink: Sink | None = None) -> DiskGuard:
    return DiskGuard(
        disk,
        {one.task: one for one in needs},
        floor_bytes=FLOOR,
        events=sink or Sink(),
        trusting=trusting,
    )


async def done(
    guarded: DiskGuard, work: Work, tasks: list[Task] | None = None, capacity: int = 2
) -> dict[str, Result]:
    return await Scheduler(capacity=capacity, events=Sink(), clock=Tick()).run(
        tasks or stack(), guarded.guarded(work)
    )


def outcomes(results: dict[str, Result]) -> dict[str, str]:
    return {id_: str(result.outcome) for id_, result in results.items()}


async def works(task: Task) -> WorkResult:
    await checkpoint()
    return WorkResult()


async def test_what_fits_is_done() -> None:
    results = await done(guard(Disk(10), need("base", 3), need("mux", 1, 1)), works)
    assert exit_code(results) == 0


async def test_a_task_that_does_not_fit_beside_a_running_one_waits_for_it() -> None:
    disk, gate = Disk(6.6), Gate()
    watched = guard(disk, need("base-ml", 3, 1), need("mux", 1, 2))
    async with anyio.create_task_group() as group:
        group.start_soon(done, watched, gate)
        gate.release("base")
        await wait_all_tasks_blocked()
        assert gate.inside == ["base-ml"]  # 4 of 6.6 GB; 3 more and the floor are too many
        disk.write(3)
        gate.release("base-ml")
        await wait_all_tasks_blocked()
        assert sorted(gate.inside) == ["asr", "mux"]
        gate.release("asr")
        gate.release("mux")


async def test_what_a_running_task_has_written_is_not_counted_twice() -> None:
    disk, gate = Disk(8), Gate()
    watched = guard(disk, need("large", 4), need("second", 3))
    tasks = [
        Task(kind=ImageTask("large")),
        Task(kind=ImageTask("first")),
        Task(kind=ImageTask("second"), needs=("first",)),
    ]
    async with anyio.create_task_group() as group:
        group.start_soon(done, watched, gate, tasks)
        await wait_all_tasks_blocked()
        disk.write(4)
        gate.release("first")
        await wait_all_tasks_blocked()
        assert sorted(gate.inside) == ["large", "second"]
        gate.release("large")
        gate.release("second")


async def test_a_task_that_can_never_fit_fails_and_the_others_go_on() -> None:
    results = await done(guard(Disk(5), need("base-ml", 3, 2), need("mux", 1)), works)
    assert outcomes(results) == {"base": "built", "base-ml": "failed", "mux": "built", "asr": "blocked"}
    assert exit_code(results) == DiskError.exit_code
    assert str(results["base-ml"].error) == (
        "base-ml needs about 5.50 GB, and 5.00 GB are free at /dw/store (store, temporary files, state)\n"
        "hint: free some space (`dockwright gc` lists what can be removed), or use another disk with "
        "`--root DIR`; to start it anyway, add `--ignore-disk`"
    )


async def test_who_ignores_the_estimate_starts_it_all_the_same() -> None:
    results = await done(guard(Disk(5), need("base-ml", 3, 2), trusting=False), works)
    assert exit_code(results) == 0


async def test_a_disk_that_fills_ends_what_runs_and_starts_nothing_more() -> None:
    disk, gate = Disk(6), Gate()
    watched = guard(disk)
    results: dict[str, Result] = {}

    async def run() -> None:
        results.update(await done(watched, gate))

    async with anyio.create_task_group() as group:
        group.start_soon(run)
        gate.release("base")
        await wait_all_tasks_blocked()
        disk.write(5.6)
        watched.sample()
    assert sorted(gate.cancelled) == ["base-ml", "mux"]
    assert outcomes(results) == {"base": "built", "base-ml": "failed", "mux": "failed", "asr": "blocked"}
    error = results["mux"].error
    assert isinstance(error, DiskFullError)
    assert str(error).startswith(
        "the disk at /dw/store (store, temporary files, state) is full: 400 MB are free, and 500 MB have to "
        "stay free"
    )
    assert exit_code(results) == DiskError.exit_code


async def test_a_step_that_was_ended_for_a_full_disk_is_not_told_as_its_own_failure() -> None:
    disk = Disk(6)
    watched = guard(disk)

    async def work(task: Task) -> WorkResult:
        disk.write(5.6)
        watched.sample()
        try:
            await anyio.sleep_forever()
        except anyio.get_cancelled_exc_class() as cancelled:
            raise BuildError("the engine was ended by a signal") from cancelled
        return WorkResult()

    results = await done(watched, work, [Task(kind=ImageTask("base"))])
    assert isinstance(results["base"].error, DiskFullError)


@pytest.mark.parametrize(
    "fault",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        OSError(errno.EDQUOT, "Disk quota exceeded"),
        CommandError(("buildah", "build"), 1, "writing blob: write /t/storage1: no space left on device"),
    ],
)
async def test_a_step_that_finds_no_space_is_told_as_that_and_nothing_more_starts(fault: Exception) -> None:
    async def work(task: Task) -> WorkResult:
        await checkpoint()
        if task.id == "base":
            raise BuildError("base: a step failed") from fault
        return WorkResult()

    results = await done(guard(Disk(10)), work, [*stack(), Task(kind=ImageTask("later"))], capacity=1)
    error = results["base"].error
    assert isinstance(error, DiskFullError)
    assert "base: no space left on a disk that it writes to" in str(error)
    assert outcomes(results)["later"] == "cancelled"


async def test_another_failure_stays_what_it_is() -> None:
    async def work(task: Task) -> WorkResult:
        await checkpoint()
        raise BuildError("base: a step failed")

    results = await done(guard(Disk(10)), work)
    assert exit_code(results) == BuildError.exit_code


async def test_a_stopped_run_is_no_full_disk() -> None:
    gate, interrupt = Gate(), anyio.Event()
    watched = guard(Disk(10))
    results: dict[str, Result] = {}

    async def run() -> None:
        found = await Scheduler(capacity=2, events=Sink(), clock=Tick()).run(
            stack(), watched.guarded(gate), interrupt=interrupt
        )
        results.update(found)

    async with anyio.create_task_group() as group:
        group.start_soon(run)
        await wait_all_tasks_blocked()
        interrupt.set()
    assert set(outcomes(results).values()) == {"cancelled"}


async def test_the_peak_is_told_at_the_end_though_it_has_passed() -> None:
    disk, sink = Disk(10), Sink()
    watched = guard(disk, sink=sink)
    async with anyio.create_task_group() as group:
        group.start_soon(watched.watch)
        await wait_all_tasks_blocked()
        disk.write(7)
        watched.sample()
        disk.write(-6)
        group.cancel_scope.cancel()
    assert sink.events == [DiskUsed(peak_bytes=7 * GB, lowest_free_bytes=3 * GB, paths=("/dw/store",))]


async def test_what_is_freed_on_one_disk_does_not_hide_what_grows_on_another() -> None:
    store, temporary, sink = Disk(10), Disk(10), Sink()
    temporary.system = replace(temporary.system, device=2, path=Path("/dw/tmp"))
    watched = DiskGuard(lambda: (store.system, temporary.system), {}, floor_bytes=GB, events=sink)
    async with anyio.create_task_group() as group:
        group.start_soon(watched.watch)
        await wait_all_tasks_blocked()
        store.write(-8)
        temporary.write(7)
        watched.sample()
        group.cancel_scope.cancel()
    assert sink.events == [
        DiskUsed(peak_bytes=7 * GB, lowest_free_bytes=3 * GB, paths=("/dw/store", "/dw/tmp"))
    ]
