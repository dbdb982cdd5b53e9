"""The directory of a run."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ci.errors import UsageError
from ci.run.workspace.run_directory import RunDirectory, create_run_directory, run_directories

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
NO_PROCESS = 2**22 + 1  # above the largest pid that Linux gives


def names(state: Path) -> list[str]:
    return [run.path.name for run in run_directories(state)]


def test_a_run_has_a_log_a_report_and_a_log_per_task(tmp_path: Path) -> None:
    run = create_run_directory(tmp_path / "state", now=NOW, pid=42)
    assert run.path == tmp_path / "state/runs/20260102-030405-42"
    assert run.events == run.path / "events.jsonl"
    assert run.report == run.path / "report.json"
    assert run.log_of("asr:cpu") == run.path / "logs/asr-cpu.log"
    assert run.log_of("../x y:cpu").parent == run.logs
    assert run.logs.is_dir()


def test_two_runs_of_one_pid_in_one_second_do_not_share_a_directory(tmp_path: Path) -> None:
    first = create_run_directory(tmp_path, now=NOW, pid=42)
    second = create_run_directory(tmp_path, now=NOW, pid=42)
    assert second.path.name == "20260102-030405-42-2"
    assert first.path.is_dir()


def test_old_runs_go_and_the_newest_stay(tmp_path: Path) -> None:
    for second in range(5):
        create_run_directory(tmp_path, now=NOW + timedelta(seconds=second), pid=NO_PROCESS, retained=3)
    assert names(tmp_path) == [f"20260102-03040{second}-{NO_PROCESS}" for second in (9, 8, 7)]


def test_the_directory_of_a_run_that_goes_on_stays(tmp_path: Path) -> None:
    create_run_directory(tmp_path, now=NOW, pid=os.getpid(), retained=1)
    create_run_directory(tmp_path, now=NOW + timedelta(hours=1), pid=NO_PROCESS, retained=1)
    create_run_directory(tmp_path, now=NOW + timedelta(hours=2), pid=NO_PROCESS, retained=1)
    assert names(tmp_path) == [f"20260102-050405-{NO_PROCESS}", f"20260102-030405-{os.getpid()}"]


def test_what_is_no_run_is_never_removed(tmp_path: Path) -> None:
    notes = tmp_path / "runs" / "notes"
    notes.mkdir(parents=True)
    create_run_directory(tmp_path, now=NOW, pid=NO_PROCESS, retained=0)
    assert notes.is_dir()
    assert names(tmp_path) == [f"20260102-030405-{NO_PROCESS}"]


def test_a_state_directory_that_is_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("")
    with pytest.raises(UsageError, match=r"state.*can't be made[^\n]*\nhint: choose a directory"):
        create_run_directory(tmp_path / "state", now=NOW)


def test_without_runs_there_are_none(tmp_path: Path) -> None:
    assert run_directories(tmp_path) == ()


def test_a_run_is_known_by_its_process_whatever_its_number(tmp_path: Path) -> None:
    now = datetime(2026, 1, 2, tzinfo=UTC)
    first, second = (create_run_directory(tmp_path, now=now, pid=12) for _ in range(2))
    assert (first.path.name, second.path.name) == ("20260102-000000-12", "20260102-000000-12-2")
    assert first.pid == second.pid == 12
    assert RunDirectory(path=tmp_path).pid is None
