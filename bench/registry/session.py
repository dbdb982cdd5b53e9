"""The scenarios, each round of each runner one after another, each runner cold."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench.peers.by_dockwright import ByDockwright
from bench.peers.change import apply, change_of
from bench.peers.folder import lay_stack
from bench.peers.meter import Failed, Meter
from bench.peers.scope import SCENARIOS
from bench.registry.runners import Runner
from ci.catalog.load import load_stack
from tests.registry.proxy import Proxy

KEEP_FREE_BYTES = 6 * 10**9
CHANGES = ("nothing", "program", "leaf", "base")
"""Scenarios of bench.peers that a cold runner meets; after the last one it goes back."""
BACK = "back to the commit before"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What one run took; `error` says why it has no metrics. Bytes are those at the registry."""

    scenario: str
    runner: str
    seconds: float = 0.0
    cpu_s: float = 0.0
    requests: int = 0
    fetched: int = 0
    sent: int = 0
    error: str = ""


@dataclass(slots=True, kw_only=True)
class Session:
    """Everything below `root`; `warm` keeps the houses of every state for the runner that is given them."""

    root: Path
    ids: Sequence[str]
    warm: ByDockwright
    runners: Sequence[Runner]
    proxy: Proxy
    rows: list[Row] = field(default_factory=list)

    def run(self, times: int) -> None:
        """Let the registry have the first state by each runner, then measure every scenario."""
        stack = self.root / "stack"
        self._settle()
        for runner in self.runners:
            self._measured("the first commit, the registry empty", runner)
        for scenario in (one for one in SCENARIOS if one.name in CHANGES):
            for number in range(times):
                lay_stack(stack)
                change = change_of(scenario, number)
                if change is not None:
                    apply(stack, change)
                    self._settle()
                for runner in self.runners:
                    self._measured(scenario.title, runner)
        lay_stack(stack)
        self._settle()
        for _ in range(times):
            for runner in self.runners:
                self._measured(BACK, runner)

    def _settle(self) -> None:
        """Fill the houses of the present state."""
        stack = load_stack(self.root / "stack")
        variants = {stack.get(id_).variant for id_ in self.ids}
        self.warm.settle(variants, self._meter("warm"))

    def _measured(self, scenario: str, runner: Runner) -> None:
        runner.cold()
        meter = self._meter(runner.name)
        self.proxy.seen.clear()
        error = ""
        try:
            runner.run(self.ids, meter)
        except Failed as failed:
            error = str(failed)
        seen = list(self.proxy.seen)
        row = Row(
            scenario=scenario,
            runner=runner.name,
            seconds=meter.seconds,
            cpu_s=meter.cpu_s,
            requests=len(seen),
            fetched=sum(one.sent for one in seen),
            sent=sum(one.got for one in seen),
            error=error,
        )
        self.rows.append(row)
        print(
            f"{time.strftime('%H:%M:%S')} {scenario}: ({row.runner}) {row.seconds:.1f} s, "
            f"{row.requests} requests, {row.fetched / 1e6:.1f} MB fetched, {row.sent / 1e6:.1f} MB sent "
            f"{error[-1500:]}",
            flush=True,
        )

    def _meter(self, name: str) -> Meter:
        return Meter(folder=self.root, log=self.root / f"{name}.log", floor_bytes=KEEP_FREE_BYTES)
