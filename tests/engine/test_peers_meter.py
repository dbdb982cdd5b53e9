"""The meter of bench.peers on real child processes."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from bench.peers.counters import free_bytes, tree_cpu_s
from bench.peers.meter import Failed, Meter

pytestmark = pytest.mark.engine

BUSY = "import time; end = time.process_time() + 0.4\nwhile time.process_time() < end: pass\nprint('done')"
CHILD = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {BUSY!r}])"


def meter(folder: Path, **more: float) -> Meter:
    return Meter(folder=folder, log=folder / "log", **{"floor_bytes": 0, **more})  # type: ignore[arg-type]


def test_the_time_of_a_childs_child_is_counted_and_parts_add_up(tmp_path: Path) -> None:
    own = meter(tmp_path)
    assert own.run([sys.executable, "-c", CHILD], part="one") == "done\n"
    own.run([sys.executable, "-c", "pass"], part="two")
    assert own.cpu_s >= 0.4
    assert own.seconds == pytest.approx(own.parts["one"] + own.parts["two"])
    assert (tmp_path / "log").read_text() == "done\n"


def test_the_time_of_a_daemon_is_counted_while_a_command_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spent, times = iter([1.0, 3.5]), os.times()
    monkeypatch.setattr(os, "times", lambda: times)  # the command itself takes none
    own = meter(tmp_path)
    own.beside = lambda: next(spent)
    own.run(["true"])
    assert own.cpu_s == 2.5


def test_a_failure_says_the_command_and_its_last_lines(tmp_path: Path) -> None:
    with pytest.raises(Failed, match=r"(?s)sh -c .*: ended with 3\n.*why$"):
        meter(tmp_path).run(["sh", "-c", "seq 40; echo why >&2; exit 3"])


def test_a_command_that_takes_too_long_is_ended_with_its_children(tmp_path: Path) -> None:
    with pytest.raises(Failed, match=r"ended, 0\.3 s over"):
        meter(tmp_path, limit_s=0.3).run(["sh", "-c", "sleep 60 & wait"])


def test_nothing_starts_where_less_disk_is_left_than_is_to_stay(tmp_path: Path) -> None:
    own = meter(tmp_path, floor_bytes=free_bytes(tmp_path) * 2)
    with pytest.raises(Failed, match="not started, less than"):
        own.run(["true"])


def test_the_least_free_disk_seen_is_the_most_that_was_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    large = tmp_path / "large"
    large.touch()
    monkeypatch.setattr("bench.peers.meter.free_bytes", lambda _: 5000 - large.stat().st_size)
    own = meter(tmp_path)
    own.run(["sh", "-c", f"head -c 3000 /dev/zero > {large}; sleep 0.5; : > {large}"])
    assert (own.peak, own.start_free) == (3000, 5000)


def test_a_process_that_is_gone_has_no_time() -> None:
    assert tree_cpu_s(2**22 + 1) == 0.0
