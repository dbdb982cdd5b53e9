"""An image whose present checks have not passed is checked again, wherever it comes from."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from ci.catalog.stack import Budget, ContextFile, Smoke
from ci.errors import SmokeError
from ci.plan.keys import tag
from ci.registry.ledger_artifact import ENTRY
from ci.registry.retry import RetryPolicy
from ci.run.build.request import Request
from ci.run.build.run import RunResult
from ci.run.release.release import Publication, open_releases, promote_release, publish_release
from ci.settings import Settings
from ci.smoke.check_options import CheckOptions
from tests.fakes.engine import FakeEngine
from tests.fakes.machine import NAMESPACE, Machine
from tests.fakes.registry import FakeRegistry
from tests.stacks import sha, with_image

ALL = ("base:cpu", "ml:cpu", "mux:cpu", "asr:cpu", "vad:cpu")
Machines = tuple[Machine, Machine]


@pytest.fixture(autouse=True)
def nothing_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    """No engine of this machine is looked for, and nothing is asked twice."""

    async def no_engine(_workspace: object) -> None:
        """There is none on this machine."""

    monkeypatch.setattr("ci.run.release.release.engine_here", no_engine)
    monkeypatch.setattr(RetryPolicy, "pause", lambda *_: None)


def with_another_test(machine: Machine, id_: str = "mux:cpu") -> None:
    """Add a command to the checks of an image: its key stays."""
    machine.stack = with_image(machine.stack, id_, smoke=Smoke(commands=(("true",),)))


def with_another_file(machine: Machine) -> None:
    """Let a file of the folder smoke/ of base, which all images are based on, have another content."""
    folder = machine.folder / "docker" / "base" / "smoke"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "run.py").write_text("assert True\n")
    file = ContextFile(path="smoke/run.py", target="run.py", mode="0644", sha256=sha("assert True\n"))
    machine.stack = with_image(machine.stack, "base:cpu", smoke=Smoke(inputs=(file,)))


def with_a_smaller_budget(machine: Machine) -> None:
    machine.stack = with_image(machine.stack, "mux:cpu", budget=Budget(unpacked_mb=0.0001))


async def publish(machine: Machine, result: RunResult | None = None) -> str:
    passed = result.passed if result is not None else None
    publication = Publication(version="1.0")
    return await publish_release(
        machine.workspace(), publication, say=lambda _: None, environ={}, passed=passed
    )


async def promote(machine: Machine, version: str = "1.0") -> None:
    here = machine.workspace().required_registry
    there = replace(here, path="production")
    async with (
        open_releases(here, lambda _: None, environ={}) as origin,
        open_releases(there, lambda _: None, environ={}) as to,
    ):
        await promote_release(
            Settings(stack=machine.folder / "docker", root=machine.folder), origin, to, version
        )


async def test_an_image_that_failed_fails_again_and_is_not_reused(machine: Machine) -> None:
    await machine.run()
    machine.engine.failing_checks = {"ml"}
    failed = await machine.run(Request(smoke=True))
    for request in (Request(), Request(names=("asr",)), Request(checks=CheckOptions(ledger=False))):
        again = await machine.run(request)
        assert (failed.exit_code, again.exit_code) == (7, 7)
        assert machine.actions(again)["ml:cpu"] == "failed"
        assert machine.actions(again)["asr:cpu"] == "blocked"
        assert "ml:cpu" not in again.passed
    machine.engine.failing_checks = ()
    assert (await machine.run()).exit_code == 0
    machine.engine.calls.clear()
    assert ((await machine.run()).exit_code, machine.engine.calls) == (0, [])


@pytest.mark.parametrize(
    ("change", "checked"),
    [
        (with_another_test, ["mux"]),
        (with_another_file, ["asr", "base", "ml", "mux", "vad"]),
        (with_a_smaller_budget, ["mux"]),
    ],
)
async def test_a_check_that_changed_is_run_again_on_the_images_that_have_it(
    machine: Machine, change: Callable[[Machine], None], checked: list[str]
) -> None:
    before = await machine.run()
    machine.engine.calls.clear()
    change(machine)
    result = await machine.run()
    assert [planned.key for planned in result.plan.images] == [one.key for one in before.plan.images]
    assert sorted(machine.engine.done("check")) == checked
    assert machine.engine.done("build") == []
    assert result.exit_code == (7 if change is with_a_smaller_budget else 0)


async def test_a_record_of_another_content_does_not_count(machine: Machine) -> None:
    result = await machine.run()
    machine.engine.calls.clear()
    planned = result.plan.get("mux:cpu")
    info = machine.engine.stored[machine.engine.names[planned.reference]]
    other = replace(info, config={**info.config, "Env": ["OTHER=1"]})
    machine.engine.stored[other.id] = other
    machine.engine.names |= {planned.reference: other.id, "small/mux:cpu": other.id}
    again = await machine.run()
    assert machine.engine.done("check") == ["mux"]
    assert again.exit_code == 7  # the entrypoint's config differs in nothing else than the environment


async def test_what_only_the_registry_has_is_fetched_and_checked_where_nothing_says_that_it_passed(
    machines: Machines, registry: FakeRegistry
) -> None:
    first, second = machines
    await first.run(cache="read-write")
    with_another_test(second)
    result = await second.run()
    assert (result.exit_code, second.actions(result)) == (0, dict.fromkeys(ALL, "reused"))
    assert second.engine.done("check") == ["mux"]
    assert [reference.partition("@")[0] for reference in second.engine.done("fetch")] == [
        f"{registry.host}/{NAMESPACE}/mux"
    ]
    assert "not known to have passed" in result.plan.get("mux:cpu").reason
    second.engine.calls.clear()
    again = await second.run()
    assert (again.exit_code, second.engine.calls) == (0, [])


async def test_a_pushed_image_whose_check_failed_since_is_not_reused_by_another_machine(
    machines: Machines,
) -> None:
    first, second = machines
    await first.run(cache="read-write")
    first.engine.failing_checks = {"mux"}
    assert (await first.run(Request(smoke=True), cache="read-write")).exit_code == 7
    second.engine.failing_checks = {"mux"}
    result = await second.run()
    assert (result.exit_code, second.actions(result)["mux:cpu"]) == (7, "failed")


async def test_without_the_ledger_nothing_is_reused_unchecked(machines: Machines) -> None:
    first, second = machines
    await first.run(cache="read-write")
    result = await second.run(Request(checks=CheckOptions(ledger=False)))
    assert result.exit_code == 0
    assert sorted(second.engine.done("check")) == sorted(id_.partition(":")[0] for id_ in ALL)


async def test_what_another_run_built_meanwhile_counts_by_the_checks_of_this_one(machine: Machine) -> None:
    other = Machine(folder=machine.folder, engine=machine.engine)
    with_another_test(other)

    async def overtaken(folder: str) -> None:
        if folder == "ml":
            machine.engine.on_build = FakeEngine().on_build
            await other.run(Request(names=("mux",)))

    machine.engine.on_build = overtaken
    result = await machine.run(jobs=1)
    assert (result.exit_code, machine.actions(result)["mux:cpu"]) == (0, "reused")
    assert machine.engine.done("build").count("mux") == 1
    assert machine.engine.done("check").count("mux") == 2


async def test_what_failed_a_minute_ago_is_not_published(machines: Machines) -> None:
    first, _ = machines
    await first.run(cache="read-write")
    assert "release:1.0" in await publish(first)
    first.engine.failing_checks = {"mux"}
    await first.run(Request(smoke=True))
    with pytest.raises(SmokeError, match=r"^not known to have passed .*: mux:cpu") as refused:
        await publish(first)
    assert "dockwright smoke mux:cpu --registry" in refused.value.hint
    run = await first.run(cache="read-write")
    assert run.exit_code == 7
    with pytest.raises(SmokeError, match="mux:cpu"):
        await publish(first, run)


@pytest.mark.parametrize("change", [with_another_test, with_another_file, with_a_smaller_budget])
async def test_what_has_not_passed_its_present_checks_is_not_published(
    machines: Machines, change: Callable[[Machine], None]
) -> None:
    first, second = machines
    await first.run(cache="read-write")
    for machine in machines:
        change(machine)
        with pytest.raises(SmokeError, match="not known to have passed"):
            await publish(machine)
    if change is with_a_smaller_budget:
        return
    run = await second.run(cache="read-write")
    assert "release:1.0" in await publish(second, run)
    assert "release:1.0" in await publish(first)  # by what the second one recorded in the registry


async def test_the_image_of_the_registry_is_published_only_if_that_one_passed(machines: Machines) -> None:
    first, second = machines
    second.engine.salt = "another build of the same key"
    await first.run(cache="read-write")
    for folder in first.folder.glob("state/ledger"):
        assert folder.is_dir()
    # what is in the registry was never checked with this suite, and what is here is another image
    with_another_test(second)
    run = await second.run(cache="off")
    assert run.exit_code == 0
    with pytest.raises(SmokeError, match=r"mux:cpu.*another image under this key") as refused:
        await publish(second, run)
    assert "epoch" in refused.value.hint


async def test_an_entry_that_says_nothing_of_the_whole_suite_is_not_enough(
    machines: Machines, registry: FakeRegistry
) -> None:
    first, second = machines
    result = await first.run(cache="read-write")
    planned = result.plan.get("mux:cpu")
    repository = f"{NAMESPACE}/mux"
    ((_, name),) = [key for key in registry.tags if key[0] == repository and ".smoke-" in key[1]]
    assert name.startswith(tag(planned.key))
    manifest = json.loads(registry.manifests[repository, registry.tags[repository, name]])
    entry = json.loads(manifest["annotations"][ENTRY])
    manifest["annotations"][ENTRY] = json.dumps({**entry, "complete": False})
    registry.put_manifest(repository, name, json.dumps(manifest).encode())
    with pytest.raises(SmokeError, match=r"mux:cpu"):
        await publish(second)
    await second.run()
    assert second.engine.done("check") == ["mux"]


async def test_a_release_is_promoted_only_if_its_images_passed(
    machines: Machines, registry: FakeRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, _ = machines
    await first.run(cache="read-write")
    await publish(first)
    monkeypatch.setattr("ci.run.release.refusal.load_stack", lambda _: first.stack)
    await promote(first)
    with_another_test(first)
    with pytest.raises(SmokeError, match=r"not known to have passed .*: mux:cpu"):
        await promote(first)
    await first.run(cache="read-write")
    await promote(first)


async def test_a_release_that_does_not_say_that_it_was_checked_is_not_promoted(
    machines: Machines, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, _ = machines
    await first.run(cache="read-write")
    monkeypatch.setattr("ci.publish.releases.PASSED", "")
    await publish(first)
    with pytest.raises(SmokeError, match=r"release 1\.0 does not say") as refused:
        await promote(first)
    assert "dockwright publish" in refused.value.hint
