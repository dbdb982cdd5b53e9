"""Two builds at once on one machine, with one root, and with what is Buildah's default store."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from ci.settings import Settings
from tests.e2e.container import buildah, run
from tests.engine.killed_stack import IMAGES, change, killed_stack
from tests.hang import HANG_S

pytestmark = pytest.mark.engine


@pytest.fixture
def stack(tmp_path: Path) -> Path:
    return killed_stack(tmp_path / "stack")


@pytest.fixture
def default_store(settings: Settings, tmp_path: Path) -> dict[str, str]:
    """Return an environment in which the store and the state of the tests are the default ones."""
    environ = {name: value for name, value in os.environ.items() if name != "DOCKWRIGHT_ROOT"}
    if not settings.store:
        return environ
    conf = tmp_path / "storage.conf"
    _, store, _, run_root = settings.store
    conf.write_text(f'[storage]\ndriver = "overlay"\ngraphroot = "{store}"\nrunroot = "{run_root}"\n')
    (tmp_path / "home").mkdir()
    (tmp_path / "home/dockwright").symlink_to(settings.state)
    return environ | {"CONTAINERS_STORAGE_CONF": str(conf), "XDG_STATE_HOME": str(tmp_path / "home")}


def start(stack: Path, environ: dict[str, str]) -> subprocess.Popen[str]:
    words = ("build", *IMAGES, "--variant", "cpu", "--progress", "plain")
    return subprocess.Popen(
        (sys.executable, "-m", "ci.cli.main", *words),
        env={**environ, "DOCKWRIGHT_STACK": str(stack)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def until(process: subprocess.Popen[str], wanted: str) -> str:
    """Read what a run prints up to the line that has `wanted`, and return it."""
    read = ""
    assert process.stdout is not None
    for line in process.stdout:
        read += line
        if wanted in line:
            return read
    raise AssertionError(read)


def ended(process: subprocess.Popen[str], before: str = "") -> tuple[str, dict[str, Any]]:
    """Return what a run that ended well printed, `before` and from now on, and its report."""
    try:
        said = before + process.communicate(timeout=HANG_S)[0]
    finally:
        process.kill()
    assert process.returncode == 0, said
    (path,) = re.findall(r"report: (\S+report\.json)", said)
    value: dict[str, Any] = json.loads(Path(path).read_text())
    return said, value


def shared(stack: Path, environ: dict[str, str], begun: str, settings: Settings) -> None:
    """Start a second run once the first one has printed `begun`."""
    change(stack, f"shared-{os.getpid()}-{time.time_ns()}")
    first = start(stack, environ)
    before = until(first, begun) if begun else ""
    second = start(stack, environ)
    (said_first, one), (said_second, other) = ended(first, before), ended(second)
    rows = [[row for row in report["images"] if row["image"].startswith("kill-")] for report in (one, other)]
    assert {row["task"] for row in rows[0]} == {row["task"] for row in rows[1]}
    built = sorted(row["task"] for report in rows for row in report if row["action"] == "built")
    assert built == sorted(f"{image}:cpu" for image in IMAGES), said_first + said_second
    found = [row for report in rows for row in report if row["action"] == "reused"]
    assert {row["reason"] for row in found} == {"built meanwhile by another run"}
    assert "waiting: another run (process " in said_first + said_second
    digests = [{row["task"]: row["digest"] for row in report} for report in rows]
    assert digests[0] == digests[1]
    for task, digest in digests[0].items():
        value = json.loads(run(buildah(settings).inspect(f"localhost/dockwright/{task}")))
        assert f"sha256:{value['FromImageID']}" == digest


@pytest.mark.parametrize("begun", ["", " start\n"], ids=["at-once", "one-after-the-other-has-begun"])
def test_two_runs_with_one_root_build_each_image_once_in_total(
    stack: Path, settings: Settings, begun: str
) -> None:
    shared(stack, dict(os.environ), begun, settings)


def test_two_runs_in_the_default_store_build_each_image_once_in_total(
    stack: Path, settings: Settings, default_store: dict[str, str]
) -> None:
    shared(stack, default_store, "", settings)


def test_the_other_run_goes_on_when_the_one_that_builds_is_killed(stack: Path, settings: Settings) -> None:
    change(stack, f"killed-{os.getpid()}-{time.time_ns()}")
    first = start(stack, dict(os.environ))
    until(first, "COPY")
    second = start(stack, dict(os.environ))
    until(second, "waiting: another run")
    first.kill()
    first.communicate(timeout=HANG_S)
    said, _ = second.communicate(timeout=HANG_S)
    assert second.returncode == 0, said
