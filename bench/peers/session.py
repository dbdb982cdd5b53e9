"""One run of the bench: scenarios, in each the rounds, in each round the ways one after another."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bench.peers.by_buildkit import ByBuildkit
from bench.peers.by_dockwright import ByDockwright
from bench.peers.change import apply, change_of
from bench.peers.folder import lay_stack
from bench.peers.meter import Failed, Meter
from bench.peers.results import Built, Results, Run
from bench.peers.scope import COLD, Scenario, images_of, short
from bench.peers.sizes import made, size
from bench.peers.way import Way
from ci.catalog.load import load_stack

COLD_ORDER = ("b", "a", "c")
"""From nothing, (b) is first: it takes the most disk for a moment, and what it leaves is the least."""


@dataclass(slots=True)
class Session:
    """Everything below `root`; the ways share the stack directory `stack`, a copy that scenarios change."""

    root: Path
    results: Results
    floor_bytes: int
    rounds: int
    ways: dict[str, Way]

    @property
    def stack(self) -> Path:
        """The copy of the stack."""
        return self.root / "stack"

    def run(self, scenarios: Sequence[Scenario]) -> None:
        """Measure `scenarios`; a way that fails is recorded with its error, and the others go on."""
        for scenario in scenarios:
            self._pristine()
            ids = images_of(load_stack(self.stack), scenario, self.results.scope)
            if not ids:
                say(f"{scenario.title}: not in this scope")
                continue
            rounds = range(1 if scenario.once else self.rounds)
            if all(self.results.done(scenario.name, way, number) for way in self.ways for number in rounds):
                say(f"{scenario.title}: measured already")
            elif scenario.name == COLD:
                self._cold(scenario, ids)
            elif scenario.name == "fallback":
                self._fallback(scenario, ids)
            else:
                self._scenario(scenario, ids, rounds)

    def _cold(self, scenario: Scenario, ids: Sequence[str]) -> None:
        for name in COLD_ORDER:
            if name in self.ways and not self.results.done(COLD, name, 0):
                way = self.ways[name]
                say(f"({name}) {scenario.title}: begun")
                self._measure(scenario, way, ids, 0, self._taken(way, ids), begin=True)
                self._guarded(lambda way=way: way.evict(self._kept()))  # type: ignore[misc]

    def _fallback(self, scenario: Scenario, ids: Sequence[str]) -> None:
        """Build the twins of CPU stages that have torch, by (b) alone, for their sizes."""
        way = self.ways.get("b")
        missing = [id_ for id_ in ids if f"b/{id_}" not in self.results.images]
        if way is not None and missing:
            begin = not way.root.is_dir()
            self._measure(scenario, way, missing, 0, self._taken(way, missing), begin=begin)
            self._guarded(lambda: way.evict(self._kept()))

    def _scenario(self, scenario: Scenario, ids: Sequence[str], rounds: Sequence[int]) -> None:
        settled = self._settled(scenario, ids)
        others = set(settled) if scenario.once else self._kept()
        for name, way in self.ways.items():
            say(f"({name}) {scenario.title}: brought to the state before the change")
            self._guarded(lambda way=way: self._settle(way, settled, others))  # type: ignore[misc]
        for number in rounds:
            self._pristine()
            change = change_of(scenario, number)
            if change is not None:
                say(f"{scenario.title}, round {number + 1}: changed {', '.join(apply(self.stack, change))}")
            for name, way in self.ways.items():
                if name == "c" and not self.results.done(scenario.name, "a", number) and "a" in self.ways:
                    error = "not run: (a) failed, which fetches for it"
                    self._record(scenario, way, number, Run(error=error))
                elif not self.results.done(scenario.name, name, number):
                    keep = settled if scenario.once else tuple(ids)
                    self._measure(scenario, way, ids, number, self._released(way, ids, keep))
                    if scenario.once:
                        self._guarded(lambda way=way: way.evict(settled))  # type: ignore[misc]

    def _settle(self, way: Way, ids: Sequence[str], keep: Collection[str]) -> None:
        """Bring `ids` up to date without measuring; other images than `keep` go first."""
        if not way.root.is_dir():
            way.begin()
        way.evict(keep)
        meter = self._meter(way)
        if isinstance(way, ByDockwright):
            way.settle({load_stack(self.stack).get(id_).variant for id_ in ids}, meter)
        way.build(ids, meter, lambda _: None)

    def _settled(self, scenario: Scenario, ids: Sequence[str]) -> tuple[str, ...]:
        """Return the images that must be there before the change: of a dear one only what stays the same."""
        stack = load_stack(self.stack)
        if not scenario.once:
            return tuple(ids)
        return tuple(id_ for id_ in ids if stack.get(id_).image == stack.images[0].image)

    def _measure(
        self,
        scenario: Scenario,
        way: Way,
        ids: Sequence[str],
        number: int,
        built: Callable[[str], None],
        begin: bool = False,
    ) -> None:
        """Run a way and record what it took, or why it failed; with `begin` from nothing."""
        seen: set[str] = set()
        new: dict[str, int] = {}
        meter, error = None, ""
        try:
            if begin:
                way.begin()
            meter = self._meter(way)
            before = [layers for id_ in ids if (layers := way.layers(id_))]
            given = way.given()

            def on_built(id_: str) -> None:
                seen.add(id_)
                new.update(made(before, [way.layers(id_) or ()], given))
                built(id_)

            way.build(ids, meter, on_built)
        except Failed as failure:
            error = str(failure)
        fetch_s = way.fetch_s if isinstance(way, ByDockwright) else 0.0
        run = Run(
            images=len(seen), layers=len(new), layer_bytes=sum(new.values()), fetch_s=fetch_s, error=error
        )
        if meter is not None:
            run = replace(
                run,
                seconds=meter.seconds,
                cpu_s=meter.cpu_s,
                received=meter.received,
                context=meter.context,
                peak=meter.peak,
                parts=dict(meter.parts),
            )
        self._record(scenario, way, number, run)

    def _record(self, scenario: Scenario, way: Way, number: int, run: Run) -> None:
        self.results.runs[f"{scenario.name}/{way.name}/{number}"] = run
        self.results.write()
        what = f"{run.seconds:.1f} s, {run.cpu_s:.1f} CPU s, {run.received / 1e6:.0f} MB fetched"
        what += f", {run.layers} layers made{f'; FAILED: {run.what_failed}' if run.error else ''}"
        say(f"({way.name}) {scenario.title}, round {number + 1}: {what}")

    def _taken(self, way: Way, ids: Sequence[str]) -> Callable[[str], None]:
        """Return what takes the sizes of each image that is there, and removes what nobody needs now."""
        released = self._released(way, ids, self._kept())

        def built(id_: str) -> None:
            layers = way.layers(id_)
            if layers is not None:
                self.results.images[f"{way.name}/{id_}"] = Built(layers=layers, contents=way.contents(id_))
                self.results.write()
            say(f"({way.name}) {id_}: {size(layers or ()) / 1e6:.0f} MB")
            released(id_)

        return built

    def _released(self, way: Way, ids: Sequence[str], keep: Collection[str]) -> Callable[[str], None]:
        """Return what removes images that neither `keep` names nor the rest of `ids` needs."""
        waiting = list(ids)

        def built(id_: str) -> None:
            if id_ in waiting:
                waiting.remove(id_)
            if not isinstance(way, ByDockwright) and not set(keep).issuperset(ids):
                way.evict({*keep, *waiting, *way.parents(waiting)})

        return built

    def _kept(self) -> set[str]:
        """Return the images that stay in every store: the short ones, and the variants of the base image."""
        stack = load_stack(self.stack)
        base = {image.id for image in stack.images if image.image == stack.images[0].image}
        return base | set(short(stack, self.results.scope))

    def _meter(self, way: Way) -> Meter:
        log = self.root / f"{way.name}.log"
        beside = way.daemon.cpu_s if isinstance(way, ByBuildkit) else (lambda: 0.0)
        return Meter(folder=self.root, log=log, floor_bytes=self.floor_bytes, beside=beside)

    def _pristine(self) -> None:
        """Lay the copy of the stack anew, without any change."""
        lay_stack(self.stack)

    def _guarded(self, work: Callable[[], None]) -> None:
        """Do what is not measured; a failure of it is said, and shows in what follows."""
        try:
            work()
        except Failed as failure:
            say(f"failed: {failure}")


def say(text: str) -> None:
    """Print a line of progress."""
    print(time.strftime("%H:%M:%S"), text, file=sys.stderr, flush=True)
