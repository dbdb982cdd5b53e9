"""Whole runs on one machine, with an engine in memory: built, failed, stopped, reused, checked."""

from __future__ import annotations

import os
import signal
from collections.abc import Awaitable, Callable

import anyio
import pytest
from anyio.lowlevel import checkpoint

from ci.errors import CommandError, DiskError, EngineError, UsageError
from ci.names.digest import is_digest
from ci.report.events import Note, Step, TaskStarted
from ci.report.report import Report
from ci.run.build.request import Request
from ci.run.tasks.event_log import read_events
from ci.smoke.check_options import CheckOptions
from tests.fakes.machine import CHECKOUT, FakeFrontend, Machine

ALL = ("base:cpu", "ml:cpu", "mux:cpu", "asr:cpu", "vad:cpu")


def failing(*folders: str) -> Callable[[str], Awaitable[None]]:
    """Return builds of which a step fails in the images of `folders`."""

    async def build(folder: str) -> None:
        await checkpoint()
        if folder in folders:
            raise CommandError(("fake", "build"), 2, "first\nE: the step failed")

    return build


async def test_a_run_builds_checks_and_names_every_image(machine: Machine) -> None:
    result = await machine.run()
    engine = machine.engine
    assert (result.exit_code, result.engine, machine.front.opened_engines) == (0, "buildah", 1)
    assert machine.actions(result) == dict.fromkeys(ALL, "built")
    assert machine.others(result) == dict.fromkeys(("base-system", "debhouse", "wheelhouse/cpu"), "built")
    folders = [id_.partition(":")[0] for id_ in ALL]
    assert sorted(engine.done("build")) == sorted(engine.done("check")) == sorted(folders)
    for planned in result.plan.images:
        assert engine.names[planned.reference] == engine.names[f"small/{planned.id}"]
    assert all(row.checks for row in result.report.images)
    assert result.report.checkout == CHECKOUT
    assert Report.model_validate_json(result.directory.report.read_text()) == result.report
    assert [event.kind for event in read_events(result.directory.events)] == [
        event.kind for event in machine.front.events
    ]


async def test_an_image_starts_after_its_parent_and_shows_its_steps(machine: Machine) -> None:
    result = await machine.run(jobs=1)
    started = [event.task for event in machine.front.events if isinstance(event, TaskStarted)]
    for planned in result.plan.images:
        before = "base-system" if planned.image.is_root else planned.image.parent
        assert started.index(before) < started.index(planned.id)
    steps = [
        event.text for event in machine.front.events if isinstance(event, Step) and event.task == "vad:cpu"
    ]
    assert [text.partition(" ")[0] for text in steps] == ["LABEL", "checks"]


async def test_a_run_of_one_image_builds_it_and_its_parents(machine: Machine) -> None:
    result = await machine.run(Request(names=("vad",)))
    assert list(machine.actions(result)) == ["base:cpu", "ml:cpu", "vad:cpu"]


async def test_a_failed_step_blocks_the_children_and_the_others_go_on(machine: Machine) -> None:
    machine.engine.on_build = failing("ml")
    result = await machine.run()
    assert result.exit_code == 6
    assert machine.actions(result) == {
        "base:cpu": "built",
        "ml:cpu": "failed",
        "mux:cpu": "built",
        "asr:cpu": "blocked",
        "vad:cpu": "blocked",
    }
    assert {row.task: row.blocked_by for row in result.report.images if row.blocked_by} == {
        "asr:cpu": ("ml:cpu",),
        "vad:cpu": ("ml:cpu",),
    }
    (failure,) = result.report.failures
    assert (failure.error, failure.last_lines) == ("BuildError", ("first", "E: the step failed"))
    log = result.directory.log_of("ml:cpu")
    assert failure.log == str(log)
    assert log.read_text().endswith("E: the step failed\n")
    assert "small/ml:cpu" not in machine.engine.names


async def test_the_run_after_a_failure_builds_only_what_is_missing(machine: Machine) -> None:
    machine.engine.on_build = failing("ml")
    await machine.run()
    machine.engine.on_build = failing()
    machine.engine.calls.clear()
    result = await machine.run()
    assert result.exit_code == 0
    assert sorted(machine.engine.done("build")) == ["asr", "ml", "vad"]


async def test_after_a_failure_fail_fast_starts_nothing_more(machine: Machine) -> None:
    machine.engine.on_build = failing("base")
    result = await machine.run(Request(fail_fast=True))
    assert set(machine.actions(result).values()) == {"failed", "blocked"}
    machine.engine.on_build = failing("ml")
    result = await machine.run(Request(fail_fast=True), jobs=1)
    assert machine.actions(result)["mux:cpu"] == "cancelled"
    assert (machine.engine.done("build")[-1], result.exit_code) == ("ml", 6)


async def test_an_image_whose_check_fails_gets_no_name(machine: Machine) -> None:
    machine.engine.failing_checks = {"mux"}
    result = await machine.run()
    assert (result.exit_code, machine.actions(result)["mux:cpu"]) == (7, "failed")
    assert [name for name in machine.engine.names if "mux" in name] == []
    (failure,) = result.report.failures
    assert (failure.error, failure.task) == ("SmokeError", "mux:cpu")
    (row,) = [row for row in result.report.images if row.task == "mux:cpu"]
    statuses = {str(check.rung): str(check.status) for check in row.checks}
    assert (statuses["programs"], statuses["closure"]) == ("failed", "failed")


async def test_a_signal_stops_the_run_and_the_next_one_goes_on_from_there(machine: Machine) -> None:
    async def interrupted(folder: str) -> None:
        if folder == "ml":
            os.kill(os.getpid(), signal.SIGINT)
            await anyio.sleep_forever()

    machine.engine.on_build = interrupted
    result = await machine.run(jobs=1)
    assert (result.exit_code, result.report.interrupted) == (130, True)
    assert machine.actions(result)["base:cpu"] == "built"
    assert machine.actions(result)["ml:cpu"] == machine.actions(result)["asr:cpu"] == "cancelled"
    machine.engine.on_build = failing()
    again = await machine.run()
    assert again.exit_code == 0
    assert machine.actions(again)["base:cpu"] == "reused"


async def test_a_second_run_builds_and_checks_nothing(machine: Machine) -> None:
    await machine.run()
    machine.engine.calls.clear()
    result = await machine.run()
    assert (result.exit_code, machine.actions(result)) == (0, dict.fromkeys(ALL, "reused"))
    assert (machine.others(result), machine.engine.calls) == ({}, [])
    assert all(row.digest and row.unpacked_bytes for row in result.report.images)


async def test_an_image_that_lost_its_human_name_gets_it_again(machine: Machine) -> None:
    result = await machine.run()
    id_ = machine.engine.names.pop("small/mux:cpu")
    machine.engine.calls.clear()
    assert machine.actions(await machine.run())["mux:cpu"] == "reused"
    assert (
        machine.engine.names["small/mux:cpu"]
        == id_
        == machine.engine.names[result.plan.get("mux:cpu").reference]
    )


async def test_rebuild_builds_the_named_images_without_layers_of_earlier_builds(machine: Machine) -> None:
    await machine.run()
    machine.engine.requests.clear()
    result = await machine.run(Request(names=("ml",), rebuild=True))
    assert machine.actions(result) == {"base:cpu": "reused", "ml:cpu": "built"}
    assert [(one.context.name, one.cache) for one in machine.engine.requests] == [("ml", False)]


async def test_a_run_that_only_checks_builds_what_is_missing_and_checks_all(machine: Machine) -> None:
    await machine.run(Request(names=("mux",)))
    machine.engine.calls.clear()
    result = await machine.run(Request(smoke=True))
    assert machine.actions(result) == {
        "base:cpu": "reused",
        "ml:cpu": "built",
        "mux:cpu": "reused",
        "asr:cpu": "built",
        "vad:cpu": "built",
    }
    assert sorted(machine.engine.done("check")) == ["asr", "base", "ml", "mux", "vad"]


async def test_an_image_that_fails_when_checked_again_keeps_its_names(machine: Machine) -> None:
    await machine.run()
    names = dict(machine.engine.names)
    machine.engine.failing_checks = {"vad"}
    result = await machine.run(Request(smoke=True))
    assert (result.exit_code, machine.actions(result)["vad:cpu"]) == (7, "failed")
    assert machine.engine.names == names
    assert "it keeps its tag" in result.report.failures[0].message


async def test_what_passed_is_recorded_and_not_checked_again_unless_asked(machine: Machine) -> None:
    await machine.run()
    recorded = await machine.run(Request(smoke=True))
    done = await machine.run(Request(smoke=True, checks=CheckOptions(ledger=False)))
    for result, expected in ((recorded, {True}), (done, {False})):
        checks = [check for row in result.report.images for check in row.checks]
        assert {check.recorded for check in checks if check.rung == "programs"} == expected


async def test_a_required_gpu_needs_an_image_that_computes_on_one(machine: Machine) -> None:
    with pytest.raises(UsageError, match="--require-gpu"):
        await machine.run(Request(checks=CheckOptions(require_gpu=True)))
    assert machine.engine.calls == []


async def test_two_runs_at_once_build_each_image_once(machine: Machine) -> None:
    results = []

    async def run() -> None:
        results.append(await machine.run())

    async with anyio.create_task_group() as group:
        group.start_soon(run)
        group.start_soon(run)
    assert sorted(machine.engine.done("build")) == ["asr", "base", "ml", "mux", "vad"]
    reasons = [row.reason for result in results for row in result.report.images]
    assert reasons.count("built meanwhile by another run") == len(ALL)
    assert {result.exit_code for result in results} == {0}


async def test_nothing_is_built_where_there_is_no_room(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise DiskError("no room")

    monkeypatch.setattr(FakeFrontend, "estimate", refuse)
    with pytest.raises(DiskError, match="no room"):
        await machine.run()
    assert machine.engine.calls == []


async def test_a_damaged_image_is_removed_and_built_again(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ci.run.reuse.store_health.AGAIN_S", 0.0)
    await machine.run()
    machine.engine.broken[machine.engine.names["small/mux:cpu"]] = "layer 1234 is missing"
    machine.engine.calls.clear()
    result = await machine.run()
    assert machine.engine.done("remove_damaged") == machine.engine.done("build") == ["mux"]
    assert machine.actions(result)["mux:cpu"] == "built"
    (line,) = machine.front.lines
    assert line.startswith("damaged in the store: layer 1234 is missing; images based on it: 1, removed")


async def test_a_damaged_image_with_a_foreign_name_is_an_error(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ci.run.reuse.store_health.AGAIN_S", 0.0)
    await machine.run()
    id_ = machine.engine.names["small/mux:cpu"]
    await machine.engine.tag(id_, "theirs/mux:1")
    machine.engine.broken[id_] = "layer 1234 is missing"
    with pytest.raises(EngineError, match="theirs/mux:1"):
        await machine.run()


async def test_the_base_of_the_run_is_its_first_note(machine: Machine) -> None:
    await machine.run()
    notes = [event.text for event in machine.front.events if isinstance(event, Note)]
    assert notes[0] == "base: registry"


async def test_no_other_user_can_read_what_a_run_records(machine: Machine) -> None:
    result = await machine.run()
    files = [path for path in result.directory.path.rglob("*") if path.is_file()]
    assert result.directory.path.stat().st_mode & 0o077 == 0
    assert result.directory.report in files
    assert not [
        path.name for path in files if path.parent == result.directory.path and path.stat().st_mode & 0o077
    ]


async def test_a_failed_run_shows_and_records_no_secret(machine: Machine) -> None:
    url = "http://ci:pa@hunter2TAIL@index.example/simple"

    async def build(_folder: str) -> None:
        await checkpoint()
        raise CommandError(("uv", "pip", "--index", url), 2, f"no answer from {url}")

    machine.engine.on_build = build
    result = await machine.run(Request(argv=("build-all", f"--registry={url}")), debian_mirror=url)
    events = "".join(map(str, machine.front.events))
    assert "http://index.example/simple" in events
    assert "hunter2TAIL" not in events
    for path in machine.folder.rglob("*"):
        assert (
            not path.is_file() or path.stat().st_mode & 0o077 == 0 or b"hunter2TAIL" not in path.read_bytes()
        )
    assert "hunter2TAIL" not in result.directory.report.read_text()


async def test_the_digests_of_a_report_have_one_form(machine: Machine) -> None:
    first, again = await machine.run(), await machine.run()
    digests = {row.task: row.digest for row in first.report.images}
    assert {row.task: row.digest for row in again.report.images} == digests
    assert all(digest and is_digest(digest) for digest in digests.values())


async def test_a_warning_of_a_tool_is_one_of_the_run_once_with_its_image(machine: Machine) -> None:
    machine.engine.step_lines = (
        "Reading package lists...",
        "W: Download is performed unsandboxed",
        "warning: `attrs==21.1.0` is yanked",
        "W: Download is performed unsandboxed",
    )
    result = await machine.run(Request(names=("base",)))
    assert result.report.warnings == (
        "base:cpu: Download is performed unsandboxed",
        "base:cpu: `attrs==21.1.0` is yanked",
    )
