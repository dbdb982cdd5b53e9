"""`dockwright repro`: a run of another checkout built again here."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ci.engines.buildah.engine import BuildahEngine
from tests.engine.killed_stack import change, killed_stack
from tests.engine.luck_stack import CHECKOUT, LuckStack
from tests.engine.repository import committed, git, tree
from tests.hang import HANG_S

pytestmark = pytest.mark.engine

BUILD = ("build", "kill-three", "--progress", "plain")


@pytest.fixture
def there(tmp_path: Path) -> LuckStack:
    """A checkout with a stack that differs from its commit."""
    folder = tmp_path / "there"
    folder.mkdir()
    stack = killed_stack(folder / "stack")
    change(stack, f"first {tmp_path}")
    committed(folder)
    (stack / "kill-three/content/more.txt").write_text(f"more {tmp_path}\n")
    return LuckStack(path=stack)


@pytest.fixture
def here(there: LuckStack, tmp_path: Path) -> LuckStack:
    """Another checkout of the same repository."""
    git(tmp_path, "clone", "--quiet", str(there.path.parent), "here")
    return LuckStack(path=tmp_path / "here/stack")


def report_of(done: subprocess.CompletedProcess[str]) -> Path:
    (path,) = re.findall(r"report: (\S+)", done.stdout)
    return Path(path)


def edited(path: Path, folder: Path, edit: Callable[[dict[str, Any]], None]) -> str:
    value = json.loads(path.read_text())
    edit(value)
    (folder / "report.json").write_text(json.dumps(value))
    return str(folder)


def rows(done: subprocess.CompletedProcess[str]) -> dict[str, tuple[str, str]]:
    """Return word and text by image."""
    found = [re.fullmatch(r"(\w+) +(\S+:\S+) +(.*)", line) for line in done.stdout.splitlines()]
    return {match[2]: (match[1], match[3]) for match in found if match}


async def test_a_run_is_built_again_from_its_revision_and_patch_and_compared(
    there: LuckStack, here: LuckStack, engine: BuildahEngine, tmp_path: Path
) -> None:
    built = there.dockwright(*BUILD)
    assert built.returncode == 0, built.stderr
    report = report_of(built)
    before, commit = tree(here.path.parent), json.loads(report.read_text())["checkout"]["commit"]
    await engine.store.remove_damaged([(await engine.images())["dockwright/kill-three:cpu"]])
    done = here.dockwright("repro", str(report.parent))
    assert done.returncode == 0, done.stdout + done.stderr
    found = rows(done)
    assert list(found) == ["base:cpu", "kill-three:cpu"]
    word, text = found["kill-three:cpu"]
    assert (word, text.endswith(", built here")) == ("equal", True)
    assert done.stdout.endswith("2 of 2 images came out the same\n")
    assert f"revision: {commit[:12]}, with a patch of" in done.stderr
    assert tree(here.path.parent) == before
    assert len(git(here.path, "worktree", "list").splitlines()) == 1

    def without_patch(value: dict[str, Any]) -> None:
        value["checkout"] |= {"patch": None, "left_out": "it is large"}

    other = here.dockwright("repro", edited(report, tmp_path, without_patch))
    assert other.returncode == 1, other.stdout + other.stderr
    word, text = rows(other)["kill-three:cpu"]
    assert word == "differs"
    assert "file /opt/app/kill-three/more.txt removed: content/more.txt 0644" in text
    assert rows(other)["base:cpu"][1].endswith(", already here")
    assert other.stdout.endswith("1 of 2 images came out the same\n")
    assert "which the report lacks (it is large)" in other.stderr


def test_what_failed_there_is_told_by_whether_it_fails_here(
    there: LuckStack, here: LuckStack, tmp_path: Path
) -> None:
    change(there.path, f"failing {tmp_path}", step='["false"]')
    committed(there.path.parent)
    git(here.path, "fetch", "--quiet", "origin")
    built = there.dockwright(*BUILD)
    assert built.returncode == 7, built.stdout + built.stderr
    report = report_of(built)
    done = here.dockwright("repro", str(report))
    assert done.returncode == 0, done.stdout + done.stderr
    word, text = rows(done)["kill-three:cpu"]
    assert (word, text.startswith("fails here too: ")) == ("equal", True)


def by_hand(path: Path, commit: str, *ids: str) -> str:
    """Write a report that names these images, and nothing else of them."""
    images = [
        {"task": id_, "action": "built", "image": id_.partition(":")[0], "variant": id_.partition(":")[2]}
        for id_ in ids
    ]
    path.write_text(json.dumps({"checkout": {"commit": commit, "stack": "stack"}, "images": images}))
    return str(path)


def test_a_revision_that_is_not_here_is_asked_for(there: LuckStack, here: LuckStack, tmp_path: Path) -> None:
    change(there.path, f"later {tmp_path}")
    commit = committed(there.path.parent)
    report = by_hand(tmp_path / "report.json", commit, "base:cpu")
    done = here.dockwright("repro", report)
    assert (done.returncode, done.stdout) == (2, "")
    assert (
        f"revision {commit[:12]} is not in the repository {here.path.parent}\nhint: `git fetch`"
        in done.stderr
    )
    git(here.path, "fetch", "--quiet", "origin", commit)
    done = here.dockwright("repro", report)
    assert done.returncode == 1, done.stderr
    assert (
        done.stdout == "unknown  base:cpu  its key is missing in a report\n0 of 1 images came out the same\n"
    )


def test_a_kept_checkout_is_named(there: LuckStack, here: LuckStack, tmp_path: Path) -> None:
    commit = git(there.path, "rev-parse", "HEAD").strip()
    done = here.dockwright("repro", by_hand(tmp_path / "report.json", commit, "base:cpu"), "--keep")
    (folder,) = re.findall(r"checkout: (\S+);", done.stderr)
    assert (Path(folder) / "stack/kill-one/image.toml").exists()
    assert len(git(here.path, "worktree", "list").splitlines()) == 1


def test_ctrl_c_ends_the_build_and_leaves_no_checkout(
    there: LuckStack, here: LuckStack, tmp_path: Path
) -> None:
    change(there.path, f"sleeping {tmp_path}", step='["sleep", "1000"]')
    report = by_hand(tmp_path / "report.json", committed(there.path.parent), "kill-three:cpu")
    git(here.path, "fetch", "--quiet", "origin")
    run = subprocess.Popen(
        (sys.executable, "-m", "ci.cli.main", "repro", report),
        env={**os.environ, "DOCKWRIGHT_STACK": str(here.path), "DOCKWRIGHT_PROGRESS": "plain"},
        cwd=CHECKOUT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert run.stderr is not None
    said = ""
    for line in run.stderr:
        said += line
        if "checks" in line:  # the step that goes on for long
            break
    os.killpg(run.pid, signal.SIGINT)  # as a terminal does
    assert run.wait(timeout=HANG_S) == 130
    with pytest.raises(ProcessLookupError):  # nothing of it goes on
        os.killpg(run.pid, 0)
    out, rest = run.communicate()
    assert (out, "SIGINT: stopping; finished images stay" in rest) == ("", True), said + rest
    assert len(git(here.path, "worktree", "list").splitlines()) == 1


def test_a_revision_that_has_its_own_dockwright_is_built_by_that(
    there: LuckStack, here: LuckStack, tmp_path: Path
) -> None:
    top = there.path.parent
    shutil.copytree(CHECKOUT / "ci", top / "ci", ignore=shutil.ignore_patterns("__pycache__"))
    project = (CHECKOUT / "pyproject.toml").read_text()
    (top / "pyproject.toml").write_text(re.sub('(?m)^version = ".*"', 'version = "0.0.7"', project))
    committed(top)
    built = subprocess.run(
        (sys.executable, "-m", "ci.cli.main", "--stack", "stack", *BUILD),
        cwd=top,
        capture_output=True,
        text=True,
        check=True,
    )
    report = report_of(built)
    value = json.loads(report.read_text())
    assert (value["versions"]["dockwright"], value["checkout"]["code"]) == ("0.0.7", ".")
    git(here.path, "fetch", "--quiet", "origin")
    done = here.dockwright("repro", str(report))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "in the Python environment here" in done.stderr
    (path,) = re.findall(r"report: (/\S+)", done.stderr)
    assert json.loads(Path(path).read_text())["versions"]["dockwright"] == "0.0.7"
