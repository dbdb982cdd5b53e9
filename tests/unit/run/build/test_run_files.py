"""Files that change while a run builds, on an engine in memory."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from anyio.lowlevel import checkpoint

from ci.catalog.load import load_stack
from ci.catalog.stack import Stack
from ci.errors import FilesChangedError
from ci.plan.keys import digest, documents
from ci.run.build.request import Request
from tests.fakes.engine import FakeEngine
from tests.fakes.machine import Machine
from tests.fakes.uv_wheel import UV
from tests.unit.catalog.folder import StackFolder

TOOL = "/opt/app/tool.py"


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A machine with a stack directory on its disk, without packages."""
    folder = StackFolder(tmp_path)
    for name in ("requirements.in", "requirements.lock"):
        (folder.path / "base" / name).unlink()
        (folder.path / "tool" / name).unlink()
    folder.python("wheelhouse.in", "wheelhouse.lock", [])
    folder.apt_lock("wheelhouse.apt.lock", ["g++"], locked=[])
    machine = Machine(folder=tmp_path)
    machine.stack = with_uv(folder.path)
    return machine


def with_uv(folder: Path) -> Stack:
    stack = load_stack(folder)
    images = tuple(replace(image, apt=(), apt_lock=()) for image in stack.images)
    return replace(stack, images=images, builder=replace(stack.builder, python_lock=(UV,)))


async def test_an_edit_while_another_image_builds_is_not_in_the_image(machine: Machine) -> None:
    tool = machine.folder / "docker/tool/tool.py"
    before = tool.read_bytes()

    async def edit(folder: str) -> None:
        await checkpoint()
        if folder == "base":
            tool.write_text("edited")

    machine.engine.on_build = edit
    result = await machine.run(Request(names=("tool",)))
    assert result.exit_code == 0
    planned = result.plan.get("tool:cpu")
    assert machine.engine.files(planned.reference)[TOOL] == before
    assert tool.read_text() == "edited"
    assert planned.key == digest(documents(machine.stack, "registry")["tool:cpu"])
    assert not list(machine.folder.glob("tmp/*"))


async def test_an_edit_between_plan_and_build_is_planned_again(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    tool = machine.folder / "docker/tool/tool.py"
    tool.write_text("edited")  # after the machine read its stack
    folder = machine.folder / "docker"
    monkeypatch.setattr("ci.run.build.run.load_stack", lambda _: with_uv(folder))
    result = await machine.run(Request(names=("tool",)))
    assert result.exit_code == 0
    planned = result.plan.get("tool:cpu")
    assert machine.engine.files(planned.reference)[TOOL] == b"edited"
    assert planned.key == digest(documents(with_uv(folder), "registry")["tool:cpu"])
    assert planned.key != digest(documents(machine.stack, "registry")["tool:cpu"])
    said = "tool/tool.py: changed after the stack was read; the stack is read and planned again"
    assert said in machine.front.lines
    assert said in result.report.warnings


async def test_files_that_never_rest_are_an_error_and_nothing_is_built(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    (machine.folder / "docker/tool/tool.py").write_text("edited")
    monkeypatch.setattr("ci.run.build.run.load_stack", lambda _: machine.stack)
    with pytest.raises(FilesChangedError, match=r"tool/tool\.py: changed after the stack was read"):
        await machine.run(Request(names=("tool",)))
    assert machine.engine.done("build") == []


async def test_a_root_image_without_packages_is_built(tmp_path: Path) -> None:
    machine = Machine(folder=tmp_path, engine=FakeEngine())
    result = await machine.run(Request(names=("base",)))
    assert result.exit_code == 0
    assert [row.task for row in result.report.others] == ["base-system", "debhouse", "wheelhouse/cpu"]
    (request,) = machine.engine.requests
    assert list(request.folders) == ["small/wheelhouse:cpu"]
    assert list(request.build_args) == ["UV"]
    assert request.arguments("x")["UV"]
