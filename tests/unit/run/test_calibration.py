"""The calibration is done once for a machine, and again on another one."""

from __future__ import annotations

import json
from pathlib import Path

from ci.run.calibration import ROUNDS, calibration_s, fixed_work
from ci.run.state import State


class Calibrated:
    """A state with a calibration whose rounds are counted."""

    def __init__(self, folder: Path) -> None:
        self.state = State(root=folder)
        self.rounds: list[Path] = []
        self.said: list[str] = []

    @property
    def file(self) -> Path:
        return self.state.root / "calibration.json"

    def seconds(self, cpu: str = "one") -> float:
        return calibration_s(self.state, cpu=cpu, say=self.said.append, work=self.work)

    def work(self, folder: Path) -> None:
        self.rounds.append(folder)
        sum(range(500_000))  # some of the processor's time


def test_it_is_done_once_and_remembered(tmp_path: Path) -> None:
    here = Calibrated(tmp_path)
    first = here.seconds()
    assert (len(here.rounds), len(set(here.rounds)), len(here.said)) == (ROUNDS, ROUNDS, 1)
    assert here.seconds() == first > 0
    assert len(here.rounds) == ROUNDS


def test_another_processor_or_another_work_is_calibrated_anew(tmp_path: Path) -> None:
    here = Calibrated(tmp_path)
    here.seconds()
    here.seconds("two")
    assert len(here.rounds) == 2 * ROUNDS
    value = json.loads(here.file.read_text())
    here.file.write_text(json.dumps({**value, "work": "0: something else"}))
    here.seconds("two")
    assert len(here.rounds) == 3 * ROUNDS


def test_a_damaged_memory_is_made_anew(tmp_path: Path) -> None:
    here = Calibrated(tmp_path)
    for text in (
        "",
        "[]",
        '{"cpu": "one"}',
        '{"cpu": "one", "seconds": "?"}',
        '{"cpu": "one", "seconds": 0}',
    ):
        here.file.write_text(text)
        assert here.seconds() > 0
    assert len(here.rounds) == 5 * ROUNDS


def test_the_work_leaves_nothing_behind(tmp_path: Path) -> None:
    fixed_work(tmp_path / "work")
    assert list(tmp_path.iterdir()) == []
