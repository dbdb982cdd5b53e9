"""The times of earlier runs."""

from pathlib import Path

import pytest

from ci.run.tasks.durations import read_history, write_history
from ci.run.tasks.history import History
from ci.run.tasks.kind import ImageTask
from ci.run.tasks.task import Outcome, Result, Task


def result(outcome: Outcome, seconds: float) -> Result:
    return Result(task=Task(kind=ImageTask("x")), outcome=outcome, seconds=seconds)


def test_what_was_kept_is_read_back(tmp_path: Path) -> None:
    path, warnings = tmp_path / "state" / "history.json", list[str]()
    write_history(path, History(seconds={"asr:cpu": 12.5, "base:cpu": 3}), warn=warnings.append)
    history = read_history(path, warn=warnings.append)
    assert history == History(seconds={"asr:cpu": 12.5, "base:cpu": 3.0})
    assert history.expected_s("asr:cpu", otherwise=60) == 12.5
    assert history.expected_s("mux:cpu", otherwise=60) == 60
    assert warnings == []
    assert [file.name for file in path.parent.iterdir()] == ["history.json"]


def test_only_what_was_built_tells_a_time() -> None:
    results = {
        "asr:cpu": result(Outcome.built, 7),
        "base:cpu": result(Outcome.reused, 0.1),
        "mux:cpu": result(Outcome.failed, 2),
    }
    history = History(seconds={"base:cpu": 30, "asr:cpu": 9}).with_results(results)
    assert history == History(seconds={"base:cpu": 30, "asr:cpu": 7})


def test_no_file_is_no_history_and_no_warning(tmp_path: Path) -> None:
    warnings: list[str] = []
    assert read_history(tmp_path / "history.json", warn=warnings.append) == History()
    assert warnings == []


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"a": "1"}', b'{"a": true}', b'{"a": -1}', b'{"a": NaN}', b"\xff\xfe"]
)
def test_a_corrupt_file_is_a_warning(tmp_path: Path, content: bytes) -> None:
    path, warnings = tmp_path / "history.json", list[str]()
    path.write_bytes(content)
    assert read_history(path, warn=warnings.append) == History()
    assert len(warnings) == 1
    assert warnings[0].startswith(f"{path}: the times of earlier runs can't be read and are ignored")


def test_a_history_that_cannot_be_kept_is_a_warning() -> None:
    warnings: list[str] = []
    write_history(Path("/proc/none/history.json"), History(), warn=warnings.append)
    assert len(warnings) == 1
