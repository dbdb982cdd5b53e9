from __future__ import annotations

import os
from pathlib import Path

import anyio.lowlevel
import pytest

from ci.run.workspace.file_lock import file_lock, key_lock, lock_path


async def test_the_second_waits_is_told_the_holder_and_knows_that_it_waited(tmp_path: Path) -> None:
    path = tmp_path / "locks/one.lock"
    order: list[tuple[str, bool]] = []
    told: list[str] = []

    async def second() -> None:
        async with file_lock(path, waiting=told.append) as waited:
            order.append(("second", waited))

    async with anyio.create_task_group() as group, file_lock(path) as waited:
        order.append(("first", waited))
        group.start_soon(second)
        with anyio.move_on_after(5):
            while not told:
                await anyio.lowlevel.checkpoint()
        order.append(("first ends", False))
    assert order == [("first", False), ("first ends", False), ("second", True)]
    assert told == [str(os.getpid())]


async def test_the_file_goes_with_the_lock_and_a_failure_inside_lets_go(tmp_path: Path) -> None:
    path = tmp_path / "one.lock"
    with pytest.raises(ZeroDivisionError):
        async with file_lock(path):
            raise ZeroDivisionError
    assert not path.exists()
    async with file_lock(path) as waited:
        assert not waited


async def test_a_file_that_a_killed_run_left_locks_nobody_out(tmp_path: Path) -> None:
    path = tmp_path / "one.lock"
    path.write_text("4711\n")
    async with file_lock(path) as waited:
        assert not waited
        assert path.read_text() == f"{os.getpid()}\n"


async def test_of_many_that_want_it_one_at_a_time_has_it(tmp_path: Path) -> None:
    inside, most = 0, 0

    async def one() -> None:
        nonlocal inside, most
        async with file_lock(tmp_path / "one.lock"):
            inside += 1
            most = max(most, inside)
            await anyio.lowlevel.checkpoint()
            inside -= 1

    async with anyio.create_task_group() as group:
        for _ in range(5):
            group.start_soon(one)
    assert most == 1


async def test_another_task_of_the_same_run_is_waited_for_in_silence(tmp_path: Path) -> None:
    said: list[str] = []
    path = lock_path(tmp_path, "asr:cpu", "k-1")

    async def second() -> None:
        async with key_lock(path, say=said.append, what="builds this image"):
            pass

    say = said.append
    async with anyio.create_task_group() as group, key_lock(path, say=say, what="builds this image"):
        group.start_soon(second)
        for _ in range(10):
            await anyio.lowlevel.checkpoint()
    assert said == []
    assert path == tmp_path / "locks/asr-cpu-k-1.lock"
