"""The event log as it is written and read."""

import os
from pathlib import Path

import pytest

from ci.errors import UsageError
from ci.report.events import (
    Details,
    Event,
    Failure,
    Note,
    PlannedTask,
    RunEnded,
    RunStarted,
    Step,
    TaskEnded,
    TaskStarted,
    Warned,
)
from ci.report.outcome import Outcome
from ci.run.tasks.event_log import EventLog, read_events
from tests.unit.run.tasks.toy import Tick

ONE_OF_EACH: tuple[Event, ...] = (
    RunStarted(
        argv=("dockwright", "build-all"),
        started_at="2026-01-02T03:04:05+00:00",
        settings={"engine": "auto", "jobs": 2},
        versions={"dockwright": "0.1.0"},
        tasks=(PlannedTask(id="asr:cpu", needs=("base:cpu",), image="asr", variant="cpu"),),
        capacity=2,
    ),
    TaskStarted(task="asr:cpu", log="logs/asr-cpu.log"),
    Step(task="asr:cpu", text="Venv: 31 wheels"),
    Note(text="the base is bootstrapped"),
    Warned(text="no history", task="asr:cpu"),
    TaskEnded(
        task="asr:cpu",
        outcome=Outcome.failed,
        seconds=2.5,
        details=Details(key="sha256:00", unpacked_bytes=7, metrics={"wheels": 31}),
        failure=Failure(message="no “hash”", last_lines=("a", "b"), log="logs/asr-cpu.log"),
    ),
    RunEnded(exit_code=6),
)


def written(path: Path) -> tuple[Event, ...]:
    with EventLog(path, clock=Tick()) as log:
        for event in ONE_OF_EACH:
            log.emit(event)
        return log.events


def test_a_log_reads_back_as_it_was_written(tmp_path: Path) -> None:
    events = written(tmp_path / "events.jsonl")
    assert read_events(tmp_path / "events.jsonl") == events
    stamped = [event.model_copy(update={"time_s": 1.0 + n}) for n, event in enumerate(ONE_OF_EACH)]
    assert list(events) == stamped


def test_an_event_is_on_disk_and_told_before_the_next_one(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    told: list[tuple[Event, tuple[Event, ...]]] = []
    with EventLog(
        path, clock=Tick(), listeners=[lambda event: told.append((event, read_events(path)))]
    ) as log:
        log.step("asr:cpu", "one")
        log.note("two")
        log.warning("three", task="asr:cpu")
    step = Step(task="asr:cpu", text="one", time_s=1.0)
    note = Note(text="two", time_s=2.0)
    warned = Warned(text="three", task="asr:cpu", time_s=3.0)
    assert told == [(step, (step,)), (note, (step, note)), (warned, (step, note, warned))]


@pytest.mark.parametrize("cut", [1, 2, 30])
def test_a_last_line_that_was_cut_is_left_out(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "events.jsonl"
    events = written(path)
    path.write_bytes(path.read_bytes()[:-cut])
    assert read_events(path) == (events if cut == 1 else events[:-1])


def test_a_line_inside_that_is_no_event_is_named(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    written(path)
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join([*lines[:2], '{"kind": "step"}\n', *lines[2:]]))
    with pytest.raises(UsageError, match=r"events\.jsonl:3: not an event of a run"):
        read_events(path)


def test_no_log_at_all_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no event log can be read here"):
        read_events(tmp_path / "events.jsonl")


def test_a_log_never_overwrites_another(tmp_path: Path) -> None:
    (tmp_path / "events.jsonl").write_text("")
    with pytest.raises(UsageError, match="can't be written"):
        EventLog(tmp_path / "events.jsonl", clock=Tick())


def test_a_full_disk_is_a_warning_and_the_listeners_go_on(tmp_path: Path) -> None:
    told: list[Event] = []
    with EventLog(tmp_path / "events.jsonl", clock=Tick(), listeners=[told.append]) as log:
        assert log._file is not None
        with Path("/dev/full").open("w") as full:
            os.dup2(full.fileno(), log._file.fileno())
        log.note("one")
        log.note("two")
    assert [event.kind for event in told] == ["note", "warning", "note"]
