"""`dockwright lock` on a small stack: the real index, the real mirrors."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ci.catalog.stack import Stack
from ci.cli.main import main
from ci.locks.loading import check_locks
from tests.hang import HANG_S
from tests.unit.catalog.folder import StackFolder

pytestmark = pytest.mark.engine


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StackFolder:
    """A small stack without any lock."""
    folder = StackFolder(tmp_path)
    for lock in folder.path.rglob("*.lock"):
        lock.unlink()
    folder.write("base/requirements.in", "idna==3.4\n")
    folder.write("tool/requirements.in", "requests<3\n")
    folder.write("wheelhouse.in", "setuptools\n")
    monkeypatch.setenv("DOCKWRIGHT_ROOT", str(tmp_path / "root"))
    return folder


def lock(stack: StackFolder, *words: str) -> int:
    return main(["--stack", str(stack.path), "lock", *words])


def pinned(stack: StackFolder) -> dict[str, str]:
    loaded: Stack = stack.load()
    return {line.name: line.version for image in loaded.images for line in image.python_lock}


def files(stack: StackFolder) -> dict[str, str]:
    return {str(path): path.read_text() for path in sorted(stack.path.rglob("*.lock"))}


def test_a_stack_is_locked_checked_kept_and_upgraded(
    stack: StackFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    assert lock(stack, "--check") == 3
    assert "docker/base/requirements.lock: no lock" in capsys.readouterr().err

    assert lock(stack) == 0
    check_locks(stack.path)
    first = files(stack)
    assert [line.name for line in stack.load().get("base:cpu").apt_lock] == ["tini"]
    assert pinned(stack)["idna"] == "3.4"
    assert {"requests", "urllib3", "certifi"} <= set(stack.lock_names("tool/requirements.lock"))
    assert "idna" not in stack.lock_names("tool/requirements.lock")

    capsys.readouterr()
    assert lock(stack) == 0
    assert capsys.readouterr().out == "nothing moved\n"
    assert files(stack) == first

    stack.write("base/requirements.in", "idna>=3.4\n")
    assert lock(stack, "--check") == 3
    assert lock(stack) == 0
    assert pinned(stack)["idna"] == "3.4", "a pin that still fits moved without being asked"
    assert lock(stack, "--upgrade", "idna") == 0
    assert pinned(stack)["idna"] != "3.4"

    before = files(stack)
    stack.append("tool/requirements.in", "idna==3.4\nno-such-distribution-of-dockwright\n")
    assert lock(stack, "--variant", "cpu") == 3
    assert files(stack) == before, "a lock was written though another did not resolve"
    assert lock(stack, "--upgrade", "idnaa") == 2
    assert "did you mean 'idna'" in capsys.readouterr().err


def test_two_at_once_share_the_folder_of_apt_and_both_end_well(stack: StackFolder, tmp_path: Path) -> None:
    other = StackFolder(tmp_path / "other")
    for lock in other.path.rglob("*.lock"):
        lock.unlink()
    for folder in (stack, other):
        folder.write("base/requirements.in", "idna==3.4\n")
        folder.write("tool/requirements.in", "six\n")
    runs = [
        subprocess.Popen(
            [sys.executable, "-m", "ci.cli.main", "--stack", str(folder.path), "lock"],
            stderr=subprocess.PIPE,
            text=True,
        )
        for folder in (stack, other)
    ]
    ended = [(run.communicate(timeout=HANG_S)[1], run.returncode) for run in runs]
    assert [code for _, code in ended] == [0, 0], ended
    for folder in (stack, other):
        check_locks(folder.path)
    assert [*files(stack).values()] == [*files(other).values()]
