"""Sizes of images, each by what it is: bytes unpacked are never taken from compressed layers."""

from __future__ import annotations

import json

import pytest

from ci.catalog.stack import Budget
from ci.plan.keys import tag
from ci.registry.key_artifact import LAYERS
from ci.registry.manifest import read_manifest
from ci.report.budget.budget import BudgetReport, Tolerance, Verdict
from ci.run.build.run import RunResult
from ci.run.release.baseline import Comparison, compared
from tests.fakes.image import LAYER_BYTES
from tests.fakes.machine import NAMESPACE, Machine
from tests.fakes.registry import FakeRegistry
from tests.stacks import with_image

UNPACKED = 2 * LAYER_BYTES  # mux:cpu, by its own layer and that of its parent; the base has one more


@pytest.fixture(autouse=True)
def nothing_is_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    """No reference benchmark runs, and no contents are read in a container."""

    async def nothing(*_: object) -> None:
        """Measure nothing more."""

    monkeypatch.setattr("ci.run.budget.measure._measure", nothing)
    monkeypatch.setattr("ci.run.budget.measure.reference_benchmark_s", lambda *_, **__: 1.0)


async def sizes(machine: Machine, said: list[str], *, in_registry: bool) -> BudgetReport:
    comparison = Comparison(
        wanted=["mux:cpu"], closure=["base:cpu", "mux:cpu"], in_registry=in_registry, tolerance=Tolerance()
    )
    (machine.folder / "docker").mkdir(parents=True, exist_ok=True)
    return await compared(machine.workspace(), comparison, engine=machine.engine, environ={}, say=said.append)


def forget_records(machine: Machine) -> None:
    for path in machine.workspace().state.root.glob("images/*/*.json"):
        path.unlink()


def with_compressed_sizes(registry: FakeRegistry, result: RunResult, *, names: bool) -> int:
    """Let the key artifact of mux have what its manifest has of the layers; return the compressed bytes."""
    repository, name = f"{NAMESPACE}/mux", tag(result.plan.get("mux:cpu").key)
    manifest = read_manifest(registry.manifests[repository, registry.tags[repository, name]], name)
    key = json.loads(registry.manifests[repository, registry.tags[repository, f"{name}.key"]])
    layers = json.loads(key["annotations"][LAYERS])
    sent = [
        [blob.digest if names else diff_id, blob.size]
        for (diff_id, _), blob in zip(layers, manifest.layers, strict=True)
    ]
    key["annotations"][LAYERS] = json.dumps(sent)
    registry.put_manifest(repository, f"{name}.key", json.dumps(key).encode())
    return manifest.compressed_bytes


def row(report: BudgetReport, metric: str) -> tuple[float | None, Verdict]:
    (found,) = [one for one in report.rows if one.metric == metric]
    return found.now, found.verdict


async def test_an_image_of_the_store_without_a_record_is_measured_there(machine: Machine) -> None:
    await machine.run()
    expected = row(await sizes(machine, [], in_registry=False), "unpacked")
    forget_records(machine)
    machine.stack = with_image(machine.stack, "mux:cpu", budget=Budget(unpacked_mb=0.0001))
    now, verdict = row(await sizes(machine, [], in_registry=False), "unpacked")
    assert (now, verdict) == (expected[0], Verdict.over)
    assert now is not None
    assert now >= UNPACKED


@pytest.mark.parametrize("names", [True, False], ids=["digests and sizes", "sizes"])
async def test_compressed_bytes_are_not_taken_for_unpacked_ones(
    machines: tuple[Machine, Machine], registry: FakeRegistry, names: bool
) -> None:
    first, second = machines
    result = await first.run(cache="read-write")
    told: list[str] = []
    known = row(await sizes(second, told, in_registry=True), "unpacked")
    assert (known[0], told) == (row(await sizes(first, [], in_registry=False), "unpacked")[0], [])
    compressed = with_compressed_sizes(registry, result, names=names)
    report = await sizes(second, told, in_registry=True)
    assert row(report, "unpacked") == (None, Verdict.unknown)
    assert row(report, "compressed")[0] == compressed
    assert row(report, "unique") == row(report, "shared") == (None, Verdict.unknown)
    assert [line for line in told if "unpacked size is not known" in line]


async def test_an_unknown_size_of_the_registry_is_measured_in_the_store(
    machines: tuple[Machine, Machine], registry: FakeRegistry
) -> None:
    first, _ = machines
    result = await first.run(cache="read-write")
    expected = row(await sizes(first, [], in_registry=False), "unpacked")
    with_compressed_sizes(registry, result, names=True)
    forget_records(first)
    assert row(await sizes(first, [], in_registry=True), "unpacked") == expected
