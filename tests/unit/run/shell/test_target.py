"""Where a shell opens."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import pytest

from ci.engines.engine import BuildRequest, Engine, Output
from ci.engines.process.runner import Runner
from ci.errors import UsageError
from ci.plan.plan import Plan
from ci.report.outcome import Outcome
from ci.report.report import FailureRow, ImageRow, Report
from ci.run.shell.target import ShellTarget, shell_target
from ci.run.workspace.base_kind import BaseKind
from ci.run.workspace.local_store import Store
from ci.run.workspace.run_directory import create_run_directory
from ci.run.workspace.state import State
from ci.run.workspace.workspace import Workspace
from ci.settings import Settings
from tests.stacks import small_stack, with_image

ID = "vad:cpu"


class Built:
    """An engine that keeps what it is asked to build."""

    def __init__(self) -> None:
        self.requests: list[BuildRequest] = []

    async def build(self, request: BuildRequest, output: Output) -> str:
        self.requests.append(request)
        return "before"


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    (tmp_path / "stack/vad").mkdir(parents=True)
    (tmp_path / "stack/vad/vad.py").write_text("x = 1\n")
    return Workspace(
        settings=Settings(stack=tmp_path / "stack", root=tmp_path),
        stack=with_image(small_stack(), ID, env=(("A", "b"),)),
        base=BaseKind(kind="bootstrap", reason="asked for"),
        runner=Runner(),
        state=State(root=tmp_path),
    )


async def planned(workspace: Workspace) -> tuple[Plan, Store]:
    """Return a plan of the image, and a store that has its parents."""
    plan = await workspace.plan((ID,), store=Store(ids={}))
    ids = {one.reference: f"id of {one.id}" for one in plan.images if one.id != ID}
    return plan, Store(ids=ids)


def failed(workspace: Workspace, plan: Plan, log: str, exit_code: int = 6) -> None:
    directory = create_run_directory(workspace.state.root, now=datetime(2026, 1, 2, tzinfo=UTC), pid=1)
    directory.log_of(ID).write_text(log)
    row = ImageRow(task=ID, image="vad", variant="cpu", action=Outcome.failed, key=plan.get(ID).key)
    failure = FailureRow(task=ID, message="it failed", exit_code=exit_code)
    report = Report(started_at="then", images=(row,), failures=(failure,))
    directory.report.write_text(report.as_json())


async def place(workspace: Workspace, plan: Plan, store: Store, engine: Built | None = None) -> ShellTarget:
    return await shell_target(
        workspace, cast("Engine", engine or Built()), plan, ID, store, lambda _line: None
    )


async def test_an_image_that_is_there_is_opened_as_it_is(workspace: Workspace) -> None:
    plan, store = await planned(workspace)
    there = Store(ids={**store.ids, plan.get(ID).reference: "it"})
    assert await place(workspace, plan, there) == ShellTarget(image="it")


async def test_one_that_was_neither_built_nor_failed_says_how_to_build_it(workspace: Workspace) -> None:
    plan, store = await planned(workspace)
    with pytest.raises(
        UsageError, match=r"no build of this key failed\nhint: run `dockwright build vad:cpu`"
    ):
        await place(workspace, plan, store)


async def test_a_shell_opens_before_the_step_that_failed_with_what_it_has_there(workspace: Workspace) -> None:
    plan, store = await planned(workspace)
    instructions = plan.get(ID).instructions
    (step,) = [number for number, text in enumerate(instructions) if text.startswith("COPY ")]
    failed(workspace, plan, f"STEP {step}/{len(instructions)}: COPY …\nno such file\n")
    engine = Built()
    found = await place(workspace, plan, store, engine)
    (request,) = engine.requests
    assert request.instructions == "\n".join(instructions[:step]) + "\n"
    assert (request.parent, request.labels) == (plan.get("ml:cpu").reference, {})
    command = instructions[step]
    assert (request.context / "app/vad.py").read_text() == "x = 1\n"
    assert found == ShellTarget(
        image="before",
        mounts=((workspace.scratch / "files/vad", "/mnt", "ro"),),
        lines=(
            f"vad:cpu: this is before step {step} of {len(instructions) - 1}, which failed: {command}",
            "to run the step by hand (/mnt is the folder that the step copies from):",
            f"  {command}",
        ),
    )


async def test_before_the_first_step_of_its_own_stands_the_parent(workspace: Workspace) -> None:
    plan, store = await planned(workspace)
    failed(workspace, plan, f"STEP 2/{len(plan.get(ID).instructions)}: ENV A=b\nno\n")
    engine = Built()
    found = await place(workspace, plan, store, engine)
    assert (found.image, engine.requests) == (plan.get("ml:cpu").reference, [])


async def test_files_that_the_first_step_copies_are_there(workspace: Workspace) -> None:
    of_files = replace(workspace, stack=with_image(workspace.stack, ID, env=()))
    plan, store = await planned(of_files)
    failed(of_files, plan, f"STEP 2/{len(plan.get(ID).instructions)}: COPY …\nno space\n")
    found = await place(of_files, plan, store)
    ((folder, _, _),) = found.mounts
    assert isinstance(folder, Path)
    assert (folder / "app/vad.py").read_text() == "x = 1\n"


async def test_where_a_check_failed_all_steps_are_there(workspace: Workspace) -> None:
    plan, store = await planned(workspace)
    failed(workspace, plan, "", exit_code=7)
    engine = Built()
    found = await place(workspace, plan, store, engine)
    (request,) = engine.requests
    assert request.instructions == "\n".join(plan.get(ID).instructions) + "\n"
    assert found.mounts == ()
    assert found.lines[0].endswith("steps succeed; then: it failed")


@pytest.mark.parametrize(("log", "exit_code"), [("no step at all", 6), ("STEP 2/9: ENV", 4)])
async def test_a_build_that_came_to_no_step_is_told(workspace: Workspace, log: str, exit_code: int) -> None:
    plan, store = await planned(workspace)
    failed(workspace, plan, log, exit_code)
    expected = r"before its first step \(it failed\)\nhint: run `dockwright build vad:cpu`"
    with pytest.raises(UsageError, match=expected):
        await place(workspace, plan, store)


async def test_a_parent_that_is_gone_is_told(workspace: Workspace) -> None:
    plan, _ = await planned(workspace)
    failed(workspace, plan, f"STEP 3/{len(plan.get(ID).instructions)}: COPY\n")
    with pytest.raises(UsageError, match="`dockwright build ml:cpu`"):
        await place(workspace, plan, Store(ids={}))


async def test_a_failure_of_other_inputs_says_nothing(workspace: Workspace) -> None:
    plan, store = await planned(workspace)
    failed(workspace, plan, "STEP 3/9: COPY")
    other = replace(workspace, stack=small_stack())
    changed, _ = await planned(other)
    with pytest.raises(UsageError, match="no build of this key failed"):
        await place(other, changed, store)
