"""Any file of the state directory, damaged in any way, costs a warning and work, and never a wrong answer."""

from __future__ import annotations

import copy
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import anyio
import pytest

from ci.plan.explain import explain as sentences
from ci.plan.keys import documents
from ci.report.events import Warned
from ci.run.budget.measure import Measured, metrics_of
from ci.run.build.request import Request
from ci.run.estimate.run_estimate import estimate_run
from ci.run.gc.local import survey
from ci.run.reuse.store_health import plan_on_healthy_store
from ci.run.workspace.live_runs import live_runs, stale_runs
from ci.run.workspace.reports import recorded_reports
from ci.run.workspace.state_structure import repair_structure
from tests.fakes.engine import FakeEngine
from tests.fakes.machine import Machine, package_stack

ALL = ("base:cpu", "ml:cpu", "mux:cpu", "asr:cpu", "vad:cpu")
Damage = Callable[[Path], object]
Answers = tuple[dict[str, object], dict[str, tuple[str, ...]]]
"""By image: its key and what is done with it, and its explanation."""


def truncate(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def replaced(path: Path, make: Damage) -> None:
    path.unlink()
    make(path)


def tree(path: Path) -> None:
    (path / "a/b").mkdir(parents=True)
    (path / "a/b/c").write_text("x")


DAMAGES: dict[str, Damage] = {
    "cut": truncate,
    "empty": lambda path: path.write_bytes(b""),
    "zeros": lambda path: path.write_bytes(bytes(path.stat().st_size)),
    "nested": lambda path: path.write_text("[" * 200_000),
    "nested objects": lambda path: path.write_text('{"a":' * 200_000),
    "another value": lambda path: path.write_text('{"schema": [1], "a": {"b": [null, 1e999, "\\ud800"]}}'),
    "a list": lambda path: path.write_text('["a", ["b"], {}]'),
    "a number": lambda path: path.write_text("9" * 5000),
    "a folder": partial(replaced, make=Path.mkdir),
    "a folder with files": partial(replaced, make=tree),
    "a pipe": partial(replaced, make=os.mkfifo),
    "a loop": partial(replaced, make=lambda path: path.symlink_to(path.name)),
    "endless": partial(replaced, make=lambda path: path.symlink_to("/dev/zero")),
    "nothing": Path.unlink,
}
PARTS = {
    "the top": "*.json",
    "records": "images/*/*.json",
    "the ledger": "ledger/*/*.json",
    "content": "inputs/content/*",
    "manifests": "inputs/**/manifest.json",
    "packages": "inputs/*/**/*.deb",
    "wheels": "inputs/wheelhouse/**/*.*",
    "documents": "input-documents/*",
    "reports": "runs/*/*.*",
    "logs": "runs/*/logs/*",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """A machine that built all images, and what it answered then."""

    folder: Path
    engine: FakeEngine

    def machine(self, folder: Path) -> Machine:
        """Return the same machine with a state directory of its own."""
        shutil.copytree(self.folder / "state", folder / "state", symlinks=True)
        stack, _ = package_stack()
        return Machine(folder=folder, stack=stack, engine=copy.deepcopy(self.engine))


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    folder = tmp_path_factory.mktemp("built")
    stack, packages = package_stack()
    machine = Machine(folder=folder, stack=stack, engine=FakeEngine(packages=packages))
    assert anyio.run(machine.run).exit_code == 0
    return Built(folder=folder, engine=machine.engine)


async def answers(machine: Machine) -> Answers:
    """Return what the commands that only read answer: key and action of each image, and its explanation."""
    workspace = machine.workspace()
    root, stack = workspace.state.root, workspace.stack
    repair_structure(root)
    plan_of = partial(Request().plan, workspace)
    store, plan = await plan_on_healthy_store(
        machine.engine, workspace.state, stack.namespace, plan_of, repair=False, say=print
    )
    estimate_run(workspace, plan, store)
    await survey(workspace, machine.engine)
    live_runs(root)
    with stale_runs(root):
        pass
    list(recorded_reports(root))
    measured = Measured(engine=None, store=store)
    await metrics_of(workspace, plan, [one.id for one in plan.images], measured, print)
    changed = replace(stack, epoch=stack.epoch + 1)
    current, built = documents(changed, workspace.base.kind), store.built(stack.namespace)
    return {one.id: (one.key, one.action) for one in plan.images}, {
        id_: sentences(id_, current, workspace.state.stored, built) for id_ in current
    }


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("part", PARTS)
async def test_damage_costs_a_warning_and_work(
    part: str, damage: str, built: Built, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    machine = built.machine(tmp_path)
    sound = await answers(machine)
    found = [path for path in (tmp_path / "state").glob(PARTS[part]) if path.is_file()]
    assert found, part
    for path in found:
        DAMAGES[damage](path)
    await still_works(machine, sound)
    warnings = [event.text for event in machine.front.events if isinstance(event, Warned)]
    if part == "records" and damage != "nothing":
        assert "damaged" in capsys.readouterr().err + str(warnings)


async def still_works(machine: Machine, sound: Answers) -> None:
    """Check what a machine answers, builds and finds again after its state directory was damaged."""
    planned, explained = await answers(machine)
    assert planned == sound[0]
    for id_, lines in explained.items():
        other = set(lines) - set(sound[1][id_])  # less is known, and what is said is true
        assert all("unknown" in line or "parent base:cpu: " in line for line in other), other
    result = await machine.run(Request(rebuild=True))
    assert result.exit_code == 0, result.report.failures
    assert {one.task: one.action for one in result.report.images} == dict.fromkeys(ALL, "built")
    again = await machine.run()
    assert {one.task: one.action for one in again.report.images} == dict.fromkeys(ALL, "reused")


@pytest.mark.parametrize("part", [*PARTS, "all"])
async def test_files_in_the_place_of_one_another_cost_work(part: str, built: Built, tmp_path: Path) -> None:
    machine = built.machine(tmp_path)
    sound = await answers(machine)
    patterns = [*PARTS.values()] if part == "all" else [PARTS[part]]
    found = sorted({path for one in patterns for path in (tmp_path / "state").glob(one) if path.is_file()})
    contents = [path.read_bytes() for path in found]
    for path, content in zip(found, contents[1:] + contents[:1], strict=True):
        path.unlink()  # it may be a hard link
        path.write_bytes(content)
    await still_works(machine, sound)


@pytest.mark.parametrize("damage", ["another value", "a pipe", "a loop", "endless", "nothing"])
async def test_files_in_the_place_of_folders_cost_work(
    damage: str, built: Built, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = built.machine(tmp_path / "whole")
    sound = await answers(whole)
    folders = sorted(path for path in (tmp_path / "whole/state").rglob("*") if path.is_dir())
    names = [path.relative_to(tmp_path / "whole/state") for path in folders]
    for number, name in enumerate(name for name in names if name.parts[0] != "runs" or len(name.parts) == 1):
        machine = built.machine(tmp_path / str(number))
        path = tmp_path / str(number) / "state" / name
        shutil.rmtree(path)
        path.write_text("")
        DAMAGES[damage](path)
        capsys.readouterr()
        await still_works(machine, sound)


async def test_a_state_directory_without_anything_is_a_new_one(built: Built, tmp_path: Path) -> None:
    machine = built.machine(tmp_path)
    sound = await answers(machine)
    shutil.rmtree(tmp_path / "state")
    await still_works(machine, sound)
