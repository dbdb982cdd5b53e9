"""The reference benchmark runs once for a machine, and again on another one."""

from __future__ import annotations

import json
from pathlib import Path

from ci.run.budget.reference_benchmark import ROUNDS, reference_benchmark_s
from ci.run.workspace.state import State


class Benchmarked:
    """A state with a reference benchmark whose rounds are counted."""

    def __init__(self, folder: Path) -> None:
        self.state = State(root=folder)
        self.rounds = 0
        self.said: list[str] = []

    @property
    def file(self) -> Path:
        return self.state.root / "reference-benchmark.json"

    def seconds(self, cpu: str = "one") -> float:
        return reference_benchmark_s(self.state, cpu=cpu, say=self.said.append, work=self.work)

    def work(self) -> None:
        self.rounds += 1
        sum(range(2_000_000))  # some of the processor's time, more than a tick of its clock


def test_it_is_done_once_and_remembered(tmp_path: Path) -> None:
    here = Benchmarked(tmp_path)
    first = here.seconds()
    assert (here.rounds, len(here.said)) == (ROUNDS, 1)
    assert here.seconds() == first > 0
    assert here.rounds == ROUNDS


def test_another_processor_or_another_work_is_measured_again(tmp_path: Path) -> None:
    here = Benchmarked(tmp_path)
    here.seconds()
    here.seconds("two")
    assert here.rounds == 2 * ROUNDS
    value = json.loads(here.file.read_text())
    here.file.write_text(json.dumps({**value, "work": "0: something else"}))
    here.seconds("two")
    assert here.rounds == 3 * ROUNDS


def test_a_damaged_memory_is_made_anew(tmp_path: Path) -> None:
    here = Benchmarked(tmp_path)
    for text in (
        "",
        "[]",
        '{"cpu": "one"}',
        '{"cpu": "one", "seconds": "?"}',
        '{"cpu": "one", "seconds": 0}',
    ):
        here.file.write_text(text)
        assert here.seconds() > 0
    assert here.rounds == 5 * ROUNDS
