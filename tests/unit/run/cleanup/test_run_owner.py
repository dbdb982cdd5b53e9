from __future__ import annotations

import os
from pathlib import Path

from ci.engines.process.runner import RUN_VARIABLE, Runner
from ci.run.cleanup.folders import mounted_below
from ci.run.cleanup.processes import processes, processes_of, with_children
from ci.run.cleanup.run_owner import Removed, unfinished_files


def process(proc: Path, pid: int, parent: int, *, name: str = "sh", state: str = "S", mark: str = "") -> None:
    folder = proc / str(pid)
    folder.mkdir(parents=True)
    (folder / "stat").write_text(f"{pid} ({name}) {state} {parent} 1 1 0 -1\n")
    environ = b"A=b\0" + (f"{RUN_VARIABLE}={mark}".encode() + b"\0" if mark else b"")
    (folder / "environ").write_bytes(environ)


def test_a_name_with_spaces_and_parentheses_hides_no_parent_and_the_dead_are_left_out(tmp_path: Path) -> None:
    process(tmp_path, 5, 1, name="a) S 7 (b")
    process(tmp_path, 6, 5, state="Z")
    (tmp_path / "self").mkdir()
    assert processes(tmp_path) == {5: 1}


def test_children_of_children_belong_to_it_and_siblings_do_not() -> None:
    parents = {10: 1, 11: 10, 12: 11, 20: 1, 21: 20}
    assert with_children({10}, parents) == {10, 11, 12}


async def test_only_a_process_with_the_whole_mark_in_its_environment_bears_it(tmp_path: Path) -> None:
    process(tmp_path, 5, 1, mark="/state/live-runs/one")
    process(tmp_path, 6, 1, mark="/state/live-runs/one-more")
    process(tmp_path, 7, 1)
    assert await processes_of(["/state/live-runs/one"], Runner(), (), tmp_path) == {5}


def test_mounts_below_a_folder_come_the_deepest_first(tmp_path: Path) -> None:
    lines = [
        "22 1 8:1 / / rw - ext4 /dev/sda rw",
        r"23 22 8:1 / /t/run/a\040b rw - tmpfs none rw",
        "24 23 8:1 / /t/run/a rw - tmpfs none rw",
        "25 23 8:1 / /t/run/a/b/c rw - tmpfs none rw",
        "26 23 8:1 / /t/runner rw - tmpfs none rw",
        "27 23 8:1 / /t/run/é rw - tmpfs none rw",
        "28 23 8:1 / /t/run rw - tmpfs none rw",
    ]
    below = ["/t/run/é", "/t/run/a/b/c", "/t/run/a b", "/t/run/a"]
    assert mounted_below(Path("/t/run"), lines) == below


def test_unfinished_files_of_a_dead_process_are_found_and_those_of_others_are_not(tmp_path: Path) -> None:
    stale_runs, alive = 4711, os.getpid()
    folder = tmp_path / "images/asr-cpu"
    folder.mkdir(parents=True)
    for pid in (stale_runs, alive):
        (tmp_path / f".hashes.json.{pid}").touch()
        (tmp_path / f".history.json.{pid}").touch()
        (folder / f".k-1.json.{pid}").touch()
    (folder / "k-1.json").touch()
    assert set(unfinished_files(tmp_path, {stale_runs})) == {
        tmp_path / ".hashes.json.4711",
        tmp_path / ".history.json.4711",
        folder / ".k-1.json.4711",
    }


def test_what_was_removed_is_told_by_its_kinds() -> None:
    assert (
        str(Removed(processes=2, containers=1, files=3))
        == "2 processes, 1 working container, 3 unfinished files"
    )
    assert str(Removed()) == "nothing to remove"
