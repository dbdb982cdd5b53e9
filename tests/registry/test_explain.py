"""explain compares any two of checkout, store, registry and git revision."""

from __future__ import annotations

import os
import subprocess
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

    def lines(*more: str) -> list[str]:
        done = machine.dockwright(*sides, *more)
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    for old in ("registry", "HEAD", "store"):
        first, *rest = lines("--from", old, "--to", "checkout")
        assert first.startswith("kill-three:cpu differs")
        assert all(line.startswith("  file content/") for line in rest)
        assert len(rest) == 6
    (same,) = lines("--from", "HEAD", "--to", "registry")
    assert same.startswith("kill-three:cpu is the same in HEAD and registry")
    unknown = machine.dockwright(*sides, "--from", "nowhere")
    assert unknown.returncode == 2
    assert "known are checkout, store, registry and revisions of" in unknown.stderr
    dirty = machine.dockwright("publish", *words)
    assert dirty.returncode == 2
    assert "the stack differs from its revision" in dirty.stderr
