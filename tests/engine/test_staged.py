"""What a run builds of a stack whose files change, and of the smallest root image."""

from __future__ import annotations

import json
import shutil
from typing import Any, cast

import pytest

from ci.engines.buildah.engine import BuildahEngine
from ci.engines.engine import ContainerRun, Output
from ci.run.build import execution
from ci.run.build.request import Request
from ci.run.build.run import run_request
from ci.run.inputs.staged_files import stage_files
from ci.run.workspace.workspace import open_workspace
from ci.settings import Settings
from tests.engine.luck_stack import LuckStack
from tests.fakes.machine import FakeFrontend

pytestmark = pytest.mark.engine

FILES = """
[[files]]
source = "data"
target = "/opt/app/data"
"""
READ = """\
import json, pathlib
print(json.dumps({path.name: path.read_text() for path in pathlib.Path("/opt/app/data").iterdir()}))
"""
ROOT = """\
title = "Root"
description = "A root image without packages of its own."
apt = ["tini"]

[parent]
cpu = "outside:python"
"""


async def test_an_edit_after_the_files_were_staged_is_not_in_the_image(
    engine: BuildahEngine, settings: Settings, stack: LuckStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    luck = stack.path / "luck"
    (luck / "data").mkdir()
    (luck / "data/[id].txt").write_text("before")
    (luck / "data/i.txt").write_text("another one")
    (luck / "image.toml").write_text((luck / "image.toml").read_text() + FILES)

    async def staged_then_edited(*arguments: Any) -> None:
        await stage_files(*arguments)
        (luck / "data/[id].txt").write_text("after")

    monkeypatch.setattr(execution, "stage_files", staged_then_edited)
    workspace = open_workspace(settings.with_(stack=stack.path, cache="off"))
    front = FakeFrontend(engine=cast("Any", engine))
    result = await run_request(workspace, Request(names=("luck",)), front, {})
    assert result.exit_code == 0, result.report.failures
    planned = result.plan.get("luck:cpu")
    run = ContainerRun(argv=("/opt/venv/bin/python", "-c", READ))
    found = json.loads(await engine.run(planned.reference, run, Output()))
    assert found == {"[id].txt": "before", "i.txt": "another one"}
    assert (luck / "data/[id].txt").read_text() == "after"
    assert open_workspace(workspace.settings).stack != workspace.stack


def test_a_root_image_without_python_packages_is_built(stack: LuckStack) -> None:
    (stack.path / "base/apt.lock").rename(stack.path / "apt.lock")
    shutil.rmtree(stack.path / "base")
    shutil.rmtree(stack.path / "luck")
    root = stack.path / "root"
    root.mkdir()
    (root / "image.toml").write_text(ROOT)
    (stack.path / "apt.lock").rename(root / "apt.lock")
    built = stack.dockwright("build", "root", "--progress", "plain")
    assert built.returncode == 0, built.stdout + built.stderr
    shown = json.loads(stack.dockwright("plan", "--json").stdout)
    assert [row["action"] for row in shown["images"]] == ["reuse"]
