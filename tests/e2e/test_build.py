"""build on a copy of the reference stack, with the store that build-all has filled."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ci.settings import Settings
from tests.e2e.container import buildah, run
from tests.hang import HANG_S

pytestmark = pytest.mark.engine

DOCKER = Path(__file__).parents[2] / "docker"
STAGE = "subtitle-gen"


@pytest.fixture
def stack(tmp_path: Path) -> Path:
    shutil.copytree(DOCKER, tmp_path / "stack")
    return tmp_path / "stack"


@pytest.fixture(autouse=True)
def names_as_before(settings: Settings) -> Iterator[None]:
    """Give the human names back to the images of this checkout."""
    yield
    dockwright("build-all", "--variant", "cpu", "--progress", "quiet")


def dockwright(*words: str, stack: Path = DOCKER) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        (sys.executable, "-m", "ci.cli.main", *words),
        env={**os.environ, "DOCKWRIGHT_STACK": str(stack)},
        capture_output=True,
        text=True,
        timeout=HANG_S,
        check=False,
    )


def last_report(settings: Settings) -> dict[str, Any]:
    runs = sorted((settings.state / "runs").iterdir(), key=lambda path: path.stat().st_mtime_ns)
    value: dict[str, Any] = json.loads((runs[-1] / "report.json").read_text())
    return value


def built(report: dict[str, Any]) -> set[str]:
    return {row["task"] for row in report["images"] if row["action"] == "built"}


@pytest.mark.slow(reason="all images are checked again where another test has emptied the ledger")
def test_nothing_changed_builds_nothing_and_starts_no_container(settings: Settings) -> None:
    done = dockwright("build-all", "--variant", "cpu")
    report = last_report(settings)
    assert done.returncode == 0, done.stderr
    assert [row["action"] for row in report["images"]] == ["reused"] * 14
    assert report["others"] == []


def test_one_changed_program_builds_that_image_alone_and_says_why(settings: Settings, stack: Path) -> None:
    with (stack / STAGE / f"{STAGE}.py").open("a") as program:
        program.write(f"\n# changed by a test in {stack}\n")
    explained = dockwright("explain", STAGE, stack=stack)
    assert f"file {STAGE}.py (content)" in explained.stdout
    done = dockwright("build-all", "--variant", "cpu", stack=stack)
    assert done.returncode == 0, done.stderr
    assert built(last_report(settings)) == {f"{STAGE}:cpu"}


def test_an_image_whose_check_fails_gets_no_name_and_stops_nobody_else(
    settings: Settings, stack: Path
) -> None:
    before = run(buildah(settings).inspect(f"dockwright/{STAGE}:cpu"))
    (stack / STAGE / f"{STAGE}.py").write_text("raise SystemExit('boom')\n")
    done = dockwright("build", STAGE, "tmdb", stack=stack)
    report = last_report(settings)
    assert done.returncode == 7
    assert "boom" in done.stdout
    assert {row["task"]: row["action"] for row in report["images"]} == {
        "base:cpu": "reused",
        f"{STAGE}:cpu": "failed",
        "tmdb:cpu": "reused",
    }
    assert run(buildah(settings).inspect(f"dockwright/{STAGE}:cpu")) == before


def test_a_failed_parent_blocks_its_children_with_its_name(settings: Settings, stack: Path) -> None:
    file = stack / "base-ml/image.toml"
    text = file.read_text()
    broken = '[smoke]\ncommands = [["sh", "-c", "echo no such luck; exit 5"]]\n'
    assert text.count("[smoke]\n") == 1
    assert "commands" not in text
    file.write_text(text.replace('title = "', 'title = "Changed ', 1).replace("[smoke]\n", broken))
    done = dockwright("build", "silero-vad", stack=stack)
    report = last_report(settings)
    assert done.returncode == 7
    assert "no such luck" in done.stdout
    row = next(row for row in report["images"] if row["task"] == "silero-vad:cpu")
    assert (row["action"], row["blocked_by"]) == ("blocked", ["base-ml:cpu"])


def test_ctrl_c_leaves_no_process_and_a_usable_store(settings: Settings) -> None:
    process = subprocess.Popen(
        (sys.executable, "-m", "ci.cli.main", "build", "post-ner", "--rebuild", "--progress", "plain"),
        env={**os.environ, "DOCKWRIGHT_STACK": str(DOCKER)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stderr is not None
    for line in process.stderr:
        if "uv pip install" in line:
            break
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=HANG_S)
    assert process.returncode == 130, out + err
    assert "Traceback" not in out + err
    root = str(settings.store[1]) if settings.store else str(settings.tmpdir)
    listed = subprocess.run(("ps", "-eo", "args"), capture_output=True, text=True, check=True).stdout
    left = [line for line in listed.splitlines() if "buildah" in line and root in line]
    assert left == []
    assert dockwright("build", "post-ner").returncode == 0
