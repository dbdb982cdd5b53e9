"""explain compares any two of checkout, store, registry and git revision."""

from __future__ import annotations

import os
import subprocess
from itertools import combinations
from pathlib import Path

import pytest

from tests.engine.killed_stack import change, killed_stack
from tests.registry.machine import HERE, Machine
from tests.registry.server import Registry

pytestmark = pytest.mark.engine


def git(folder: Path, *words: str) -> None:
    env = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull}
    author = ("-c", "user.name=tests", "-c", "user.email=tests@example.org")
    subprocess.run(("git", *author, *words), cwd=folder, check=True, capture_output=True, env=env)


def test_any_two_sides_are_compared(plain: Registry, tmp_path: Path) -> None:
    folder = tmp_path / "repository"
    folder.mkdir()
    git(folder, "init", "--quiet")
    machine = Machine(HERE, killed_stack(folder / "small"))
    place = f"{plain.host}/team"
    sides = ("explain", "kill-three", "--registry", place)
    change(machine.stack, f"first {tmp_path}")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "--message", "first")
    early = machine.dockwright(*sides, "--from", "registry")
    assert (early.returncode, "there is no release yet" in early.stderr) == (9, True)
    words = ("--variant", "cpu", "--registry", place, "--bootstrap-base")
    published = machine.dockwright("publish", *words)  # the revision is its version
    assert published.returncode == 0, published.stderr
    change(machine.stack, f"second {tmp_path}")
    git(folder, "commit", "--quiet", "--all", "--message", "second")

    def lines(*more: str) -> list[str]:
        done = machine.dockwright(*sides, *more)
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    content = {"registry": 1, "HEAD~1": 1, "store": 1, "HEAD": 2, "checkout": 2}
    for old, new in combinations(content, 2):
        first, *rest = lines("--from", old, "--to", new)
        if content[old] == content[new]:
            assert (first.partition(":cpu ")[2].partition(":")[0], rest) == (
                f"is the same in {old} and {new}",
                [],
            )
            continue
        assert first.startswith("kill-three:cpu differs")
        assert [line.partition(" (content)")[0] for line in rest] == [
            f"  file content/{number}.txt" for number in range(6)
        ]
    unknown = machine.dockwright(*sides, "--from", "nowhere")
    assert unknown.returncode == 2
    assert "Known: checkout, store, registry and revisions of" in unknown.stderr
    change(machine.stack, f"third {tmp_path}")
    dirty = machine.dockwright("publish", *words)
    assert dirty.returncode == 2
    assert "the stack has uncommitted changes" in dirty.stderr
