"""Whole runs that fetch packages, in memory: filled once, unavailable, locked anew."""

from __future__ import annotations

import hashlib
import io
import os
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from anyio.lowlevel import checkpoint

from ci.catalog.stack import Stack
from ci.errors import CommandError, LockError
from ci.report.events import Step
from ci.run.build.request import Request
from ci.run.workspace.local_store import Store
from tests.fakes.engine import FakeEngine
from tests.fakes.machine import Machine, package_stack
from tests.stacks import deb

ALL = ("base:cpu", "ml:cpu", "mux:cpu", "asr:cpu", "vad:cpu")


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    stack, packages = package_stack()
    return Machine(folder=tmp_path, stack=stack, engine=FakeEngine(packages=packages))


async def test_packages_are_fetched_once_before_the_images_that_need_them(machine: Machine) -> None:
    result = await machine.run()
    assert result.exit_code == 0, result.report.failures
    assert machine.actions(result) == dict.fromkeys(ALL, "built")
    assert machine.others(result) == dict.fromkeys(("base-system", "debhouse", "wheelhouse/cpu"), "built")
    assert machine.engine.done("run") == ["fetch_debs.py", "fetch_wheels.py"]
    again = await machine.run(Request(rebuild=True))
    assert machine.actions(again) == dict.fromkeys(ALL, "built")
    assert machine.others(again) == dict.fromkeys(("base-system", "debhouse", "wheelhouse/cpu"), "reused")
    assert machine.engine.done("run") == ["fetch_debs.py", "fetch_wheels.py"]


async def test_what_the_fetching_programs_report_is_a_step_of_their_task(machine: Machine) -> None:
    await machine.run()
    steps = {event.task: event.text for event in machine.front.events if isinstance(event, Step)}
    assert steps["debhouse"] == "3 packages, 0 to fetch"
    assert steps["wheelhouse/cpu"] == "6 distributions, 0 to fetch"


def without(machine: Machine, name: str) -> None:
    """Let the mirror have a package no more."""
    gone = {line.sha256 for image in machine.stack.images for line in image.apt_lock if line.name == name}
    engine = machine.engine
    engine.packages = {sha256: data for sha256, data in engine.packages.items() if sha256 not in gone}


async def test_packages_that_are_gone_are_locked_anew_for_the_run(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    without(machine, "ffmpeg")
    newer = deb("ffmpeg", "2.0-1")
    machine.engine.packages = {**machine.engine.packages, newer.sha256: newer.path.encode()}

    def relock(_directory: Path, stack: Stack, **_more: object) -> tuple[Stack, tuple[str, ...]]:
        images = tuple(
            replace(image, apt_lock=(newer,)) if image.image == "mux" else image for image in stack.images
        )
        return replace(stack, images=images), ("ffmpeg 1.0-1 -> 2.0-1",)

    monkeypatch.setattr("ci.run.inputs.unavailable_packages.relock", relock)
    before = await machine.workspace().plan(store=Store(ids={}))
    result = await machine.run()
    assert (result.exit_code, machine.actions(result)) == (0, dict.fromkeys(ALL, "built"))
    assert result.plan.get("mux:cpu").key != before.get("mux:cpu").key
    assert result.plan.get("vad:cpu").key == before.get("vad:cpu").key
    assert "ffmpeg 1.0-1 -> 2.0-1" in machine.front.lines
    assert "ffmpeg 1.0-1 -> 2.0-1" in result.report.warnings


async def test_with_frozen_packages_that_are_gone_end_the_run(machine: Machine) -> None:
    without(machine, "ffmpeg")
    with pytest.raises(LockError, match="--frozen"):
        await machine.run(Request(frozen=True))
    assert machine.engine.done("build") == []


async def test_the_locks_are_made_anew_once(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    without(machine, "ffmpeg")
    asked = []

    def relock(_directory: Path, stack: Stack, **_more: object) -> tuple[Stack, tuple[str, ...]]:
        asked.append(stack)
        return stack, ("nothing that helps",)

    monkeypatch.setattr("ci.run.inputs.unavailable_packages.relock", relock)
    with pytest.raises(LockError, match="ffmpeg"):
        await machine.run()
    assert len(asked) == 1


def with_files(machine: Machine, distribution: str, files: dict[str, str]) -> None:
    """Let a distribution have a wheel with these files, in the locks and at the index."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in {**files, f"{distribution}-1.0.dist-info/WHEEL": ""}.items():
            archive.writestr(name, text)
    sha256 = hashlib.sha256(buffer.getvalue()).hexdigest()
    machine.engine.packages = {**machine.engine.packages, sha256: buffer.getvalue()}
    images = tuple(
        replace(
            image,
            python_lock=tuple(
                replace(line, sha256=sha256) if line.name == distribution else line
                for line in image.python_lock
            ),
        )
        for image in machine.stack.images
    )
    machine.stack = replace(machine.stack, images=images)


async def test_distributions_of_parent_and_child_that_overwrite_each_other_are_refused_before_a_build(
    machine: Machine,
) -> None:
    with_files(machine, "numpy", {"jwt/__init__.py": "one"})
    with_files(machine, "whisper", {"jwt/__init__.py": "other"})
    result = await machine.run()
    assert result.exit_code == LockError.exit_code
    assert machine.engine.done("build") == []
    (failure,) = (one for one in result.report.failures if "jwt" in one.message)
    assert "numpy 1.0 and whisper 1.0 have different files lib/python/site-packages/jwt/__init__.py" in (
        failure.message
    )
    assert "both are in asr:cpu" in failure.message
    with_files(machine, "whisper", {"jwt/__init__.py": "one"})
    assert (await machine.run()).exit_code == 0


async def test_a_wheel_that_was_changed_in_place_is_named_when_its_image_fails_and_fetched_again(
    machine: Machine,
) -> None:
    await machine.run()
    workspace = machine.workspace()
    (wheel,) = (workspace.state.inputs / "wheelhouse/cpu/wheels").glob("onnx-*")
    before = wheel.stat()
    with wheel.open("r+b") as file:
        file.write(bytes(before.st_size))
    os.utime(wheel, ns=(before.st_atime_ns, before.st_mtime_ns))  # so it is taken for what it was

    async def fail(folder: str) -> None:
        await checkpoint()
        if folder == "ml" and wheel.read_bytes() == bytes(before.st_size):
            raise CommandError(("uv",), 1, "Hash mismatch")

    machine.engine.on_build = fail
    result = await machine.run(Request(rebuild=True))
    failures = "\n".join(str(one) for one in result.report.failures)
    assert f"{wheel.name}: sha256 is" in failures
    assert "The next build fetches it again" in failures
    assert (await machine.run(Request(rebuild=True))).exit_code == 0
