"""Whole runs of two machines with one registry, all in memory: pushed, reused, fetched, lost."""

from __future__ import annotations

import httpx
import pytest

from ci.errors import CommandError, UsageError
from ci.plan.keys import tag
from ci.registry.retry import RetryPolicy
from ci.run.build.registry_tasks import MEANWHILE, built_twice
from ci.run.build.request import Request
from ci.run.build.run import RunResult
from tests.fakes.machine import NAMESPACE, Machine
from tests.fakes.registry import FakeRegistry

ALL = ("base:cpu", "ml:cpu", "mux:cpu", "asr:cpu", "vad:cpu")
Machines = tuple[Machine, Machine]


def forget(registry: FakeRegistry, result: RunResult, *ids: str) -> None:
    """Remove what a registry has of some images of a run."""
    for planned in result.plan.images:
        if planned.id in ids:
            repository, name = f"{NAMESPACE}/{planned.image.image}", tag(planned.key)
            del registry.tags[repository, name]
            del registry.tags[repository, f"{name}.key"]


async def test_what_was_built_is_pushed_under_its_key_after_its_parent(machines: Machines) -> None:
    first, _ = machines
    result = await first.run(cache="read-write")
    assert result.exit_code == 0
    inputs = dict.fromkeys(("base-system", "debhouse", "wheelhouse/cpu"), "built")
    assert first.others(result) == inputs | {f"push/{id_}": "built" for id_ in ALL}
    pushed = [reference.rpartition("/")[2].partition(":")[0] for reference in first.engine.done("push")]
    for planned in result.plan.images:
        if not planned.image.is_root:
            parent = planned.image.parent.partition(":")[0]
            assert pushed.index(parent) < pushed.index(planned.image.image)
    assert built_twice(result.report) == ()


async def test_a_run_that_needs_no_engine_cleans_up_after_one_that_was_killed(machines: Machines) -> None:
    first, second = machines
    await first.run(cache="read-write")
    workspace = second.workspace()
    marker = workspace.state.root / "live-runs/20261201-090807-999999999-0a1b2c3d"
    left = workspace.settings.tmpdir / marker.name
    for folder in (marker.parent, left):
        folder.mkdir(parents=True)
    marker.touch()
    (left / "storage123").write_text("half a layer")
    result = await second.run()
    assert (result.exit_code, second.actions(result)) == (0, dict.fromkeys(ALL, "reused"))
    assert not marker.exists()
    assert not left.exists()
    assert second.front.opened_engines == 1
    await second.run()
    assert second.front.opened_engines == 0


async def test_what_a_registry_has_is_neither_built_nor_fetched_and_no_engine_is_opened(
    machines: Machines, registry: FakeRegistry
) -> None:
    first, second = machines
    pushed = await first.run(cache="read-write")
    registry.requests.clear()
    result = await second.run()
    assert (result.exit_code, result.engine, second.front.opened_engines) == (0, "", 0)
    assert second.actions(result) == dict.fromkeys(ALL, "reused")
    assert (second.others(result), second.engine.calls) == ({}, [])
    assert len(registry.requests) == 1 + 3 * len(ALL)  # the third is for what it passed
    registry.requests.clear()
    assert (await second.run()).exit_code == 0
    assert len(registry.requests) == 1 + 2 * len(ALL)  # which this machine has kept
    digests = {row.task: row.digest for row in pushed.report.images}
    assert {row.task: row.digest for row in result.report.images} == digests
    assert sorted(result.hits) == sorted(ALL)
    assert result.hits["mux:cpu"].startswith(f"{registry.host}/{NAMESPACE}/mux@sha256:")


async def test_a_second_run_pushes_nothing(machines: Machines) -> None:
    first, _ = machines
    await first.run(cache="read-write")
    first.engine.calls.clear()
    result = await first.run(cache="read-write")
    assert (first.others(result), first.engine.calls) == ({}, [])
    checked = await first.run(Request(smoke=True), cache="read-write")
    assert (checked.exit_code, first.others(checked)) == (0, {})


async def test_a_parent_that_only_the_registry_has_is_fetched(
    machines: Machines, registry: FakeRegistry
) -> None:
    first, second = machines
    forget(registry, await first.run(cache="read-write"), "vad:cpu")
    result = await second.run()
    assert second.actions(result) == {**dict.fromkeys(ALL, "reused"), "vad:cpu": "built"}
    (reference,) = second.engine.done("fetch")
    assert reference == result.hits["ml:cpu"]
    assert second.engine.done("build") == ["vad"]
    names = [name for name in second.engine.names if "ml" in name]
    assert sorted(names) == sorted(["small/ml:cpu", result.plan.get("ml:cpu").reference])


async def test_an_image_that_the_registry_does_not_deliver_is_built_here(
    machines: Machines, registry: FakeRegistry
) -> None:
    first, second = machines
    forget(registry, await first.run(cache="read-write"), "vad:cpu")

    async def refuse(reference: str) -> None:
        if reference.startswith(registry.host):
            raise CommandError(("fake", "fetch"), 1, "manifest unknown")

    second.engine.on_fetch = refuse
    result = await second.run()
    assert result.exit_code == 0
    assert second.actions(result)["ml:cpu"] == second.actions(result)["vad:cpu"] == "built"
    assert any("ml:cpu" in line and "built here instead" in line for line in second.front.lines)
    assert any("built here instead" in warning for warning in result.report.warnings)


async def test_an_image_of_another_key_counts_as_missing(machines: Machines, registry: FakeRegistry) -> None:
    first, second = machines
    result = await first.run(cache="read-write")
    forget(registry, result, "vad:cpu")
    planned = result.plan.get("ml:cpu")
    key = (f"{NAMESPACE}/ml", tag(planned.key))
    wrong = registry.tags[f"{NAMESPACE}/mux", tag(result.plan.get("mux:cpu").key)]
    registry.manifests[f"{NAMESPACE}/ml", wrong] = registry.manifests[f"{NAMESPACE}/mux", wrong]
    registry.tags[key] = wrong
    again = await second.run()
    assert again.exit_code == 0
    assert second.actions(again)["ml:cpu"] == "built"
    assert any("names another image" in warning for warning in again.report.warnings)


async def test_an_image_that_can_not_be_pushed_is_a_warning(machines: Machines) -> None:
    first, _ = machines

    async def refuse(reference: str) -> None:
        if "/mux:" in reference:
            raise CommandError(("fake", "push"), 1, "denied")

    first.engine.on_push = refuse
    result = await first.run(cache="read-write")
    assert result.exit_code == 0
    assert first.others(result)["push/mux:cpu"] == "reused"
    (warning,) = result.report.warnings
    assert warning.startswith("mux:cpu is built, and not in the registry")


async def test_what_another_runner_pushed_meanwhile_stays_and_is_reported(machines: Machines) -> None:
    first, second = machines

    async def overtaken(folder: str) -> None:
        second.engine.on_build = first.engine.on_build
        await first.run(cache="read-write")

    second.engine.on_build = overtaken
    result = await second.run(cache="read-write", jobs=1)
    assert result.exit_code == 0
    assert second.engine.done("push") == []
    assert sorted(built_twice(result.report)) == sorted(ALL)
    assert {row.reason for row in result.report.others if row.task.startswith("push/")} == {MEANWHILE}


async def test_an_engine_without_equal_digests_does_not_push(machines: Machines) -> None:
    first, _ = machines
    first.engine.name = "docker"
    with pytest.raises(UsageError, match="--cache read-write"):
        await first.run(cache="read-write")
    assert first.engine.calls == []


async def test_images_are_fetched_to_be_checked(machines: Machines) -> None:
    first, second = machines
    await first.run(cache="read-write")
    result = await second.run(Request(smoke=True))
    assert result.exit_code == 0
    assert len(second.engine.done("fetch")) == len(second.engine.done("check")) == len(ALL)
    assert second.engine.done("build") == []
    assert all(row.checks for row in result.report.images)


async def test_what_a_machine_checked_another_one_does_not_check_again(machines: Machines) -> None:
    first, second = machines
    await first.run(cache="read-write")
    result = await second.run(Request(smoke=True))
    recorded = {
        (str(check.rung), check.recorded)
        for row in result.report.images
        for check in row.checks
        if check.rung in ("structure", "programs")
    }
    assert recorded == {("structure", False), ("programs", True)}


@pytest.mark.parametrize("status", [None, 401, 503])
async def test_a_registry_that_does_not_answer_costs_a_warning_and_a_build(
    machines: Machines, registry: FakeRegistry, monkeypatch: pytest.MonkeyPatch, status: int | None
) -> None:
    monkeypatch.setattr(RetryPolicy, "pause", lambda *_: None)
    first, _ = machines

    def answer(request: httpx.Request) -> httpx.Response:
        if status is None:
            raise httpx.ConnectError("refused", request=request)
        return httpx.Response(status)

    registry.answer = answer
    result = await first.run()
    assert (result.exit_code, first.actions(result)) == (0, dict.fromkeys(ALL, "built"))
    (line,) = first.front.lines
    assert line.startswith(f"warning: nothing is reused from {registry.host}")


async def test_a_rebuilt_image_that_differs_from_that_of_the_registry_is_a_warning(
    machines: Machines,
) -> None:
    first, _ = machines
    await first.run(cache="read-write")
    first.engine.salt = "another day"
    result = await first.run(Request(names=("ml",), rebuild=True))
    assert (result.exit_code, first.actions(result)["ml:cpu"]) == (0, "built")
    assert result.report.warnings[-1].startswith("ml:cpu: the registry has another image under this key")
