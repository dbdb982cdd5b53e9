from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import pytest

import ci.wheelhouse.manifest
from ci.run.inputs.folder_check import check_folder
from ci.run.inputs.hash_threads import THREADS, in_hash_thread
from ci.run.workspace.state import State
from ci.wheelhouse.program.content_store import CHUNK, open_content_store, sha256
from ci.wheelhouse.program.package_folder import PackageFolder

LONG_S = 60
"""How long a failing test waits; one that passes never does."""


def filled(root: Path, *contents: bytes) -> dict[str, Any]:
    """Fill `root/inputs/debhouse` with a file for each of `contents`; return its input document."""
    store = open_content_store(root / "inputs", {})
    folder = PackageFolder(root / "inputs/debhouse", store)
    entries = []
    for number, content in enumerate(contents):
        made = root / f"{number}.deb"
        made.write_bytes(content)
        entries.append({"file": made.name, "sha256": store.add(made)})
        folder.add(f"debs/{made.name}", entries[-1]["sha256"])
    folder.close("i")
    return {"input": "i", "files": entries}


async def test_the_event_loop_goes_on_while_a_folder_is_hashed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    document, state = filled(tmp_path, b"one"), State(root=tmp_path)
    begun, released = threading.Event(), threading.Event()

    def blocked(path: Path, on_chunk: Any) -> str:
        begun.set()
        assert released.wait(LONG_S), "nothing else ran while the file was hashed"
        return sha256(path, on_chunk)

    monkeypatch.setattr(ci.wheelhouse.manifest, "sha256", blocked)
    checks: list[list[str]] = []

    async def check() -> None:
        _, errors = await in_hash_thread(
            lambda on_chunk: check_folder(state.inputs / "debhouse", document, state, on_chunk)
        )
        checks.append(errors)

    async with anyio.create_task_group() as group:
        group.start_soon(check)
        while not begun.is_set():
            await anyio.lowlevel.checkpoint()
        assert checks == []
        released.set()
    assert checks == [[]]
    assert [Path(path).name for path in state.hashes()] == ["0.deb"]


async def test_a_cancelled_task_ends_its_hashing_and_keeps_the_hashes_that_it_has(tmp_path: Path) -> None:
    document, state = filled(tmp_path, b"small", b"." * (3 * CHUNK)), State(root=tmp_path)
    begun, cancelled = threading.Event(), threading.Event()
    chunks: list[int] = []

    def check(on_chunk: Any) -> None:
        def slow() -> None:
            chunks.append(len(chunks))
            if len(chunks) == 3:  # the second chunk of the second file
                begun.set()
                assert cancelled.wait(LONG_S)
            on_chunk()

        check_folder(state.inputs / "debhouse", document, state, slow)

    async with anyio.create_task_group() as group:
        group.start_soon(in_hash_thread, check)
        while not begun.is_set():
            await anyio.lowlevel.checkpoint()
        group.cancel_scope.cancel()
        cancelled.set()
    assert len(chunks) == 3
    assert [Path(path).name for path in state.hashes()] == ["0.deb"]


async def test_no_more_threads_hash_than_the_bound() -> None:
    running, most, lock = 0, 0, threading.Lock()
    full = threading.Barrier(THREADS)

    def hashing(on_chunk: Any) -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        full.wait(LONG_S)
        with lock:
            running -= 1

    async with anyio.create_task_group() as group:
        for _ in range(3 * THREADS):
            group.start_soon(in_hash_thread, hashing)
    assert most == THREADS


def test_hashes_that_two_threads_add_are_all_kept(tmp_path: Path) -> None:
    state = State(root=tmp_path)
    threads = [
        threading.Thread(target=state.add_hashes, args=({f"/{number}": [1, 2, 3, "0" * 64]},))
        for number in range(20)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(json.loads((tmp_path / "hashes.json").read_text())) == 20
