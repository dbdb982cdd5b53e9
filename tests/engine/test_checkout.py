"""A checkout as a report has it, and made again: git itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from ci.errors import UsageError
from ci.report.events import Checkout
from ci.run.git.checkout import CHANGED_LIMIT_BYTES, PATCH_LIMIT_BYTES, checkout_of
from ci.run.git.worktree import worktree
from tests.engine.repository import committed, git, tree

pytestmark = pytest.mark.engine


@pytest.fixture
def top(tmp_path: Path) -> Path:
    """A repository with a stack, code, and something else."""
    folder = tmp_path / "repository"
    for name in ("stack/asr", "code/ci/cli", "docs"):
        (folder / name).mkdir(parents=True)
    (folder / ".gitignore").write_text("*.log\n")
    (folder / "code/ci/cli/main.py").write_text("pass\n")
    (folder / "docs/text").write_text("text\n")
    (folder / "stack/asr/asr.py").write_text("x = 1\n")
    (folder / "stack/asr/gone").write_text("gone\n")
    committed(folder)
    return folder


def seen(top: Path) -> Checkout:
    found = checkout_of(top / "stack", top / "code")
    assert found is not None
    return found


def change(top: Path) -> None:
    """Change the stack in every way that git knows, and what is no part of it."""
    asr = top / "stack/asr"
    (asr / "asr.py").write_text("x = 2\r\n")
    (asr / "gone").unlink()
    (asr / "new ä.bin").write_bytes(bytes(range(256)) * 10)
    (asr / "run.sh").write_text("#!/bin/sh\n")
    (asr / "run.sh").chmod(0o755)
    (asr / "link").symlink_to("asr.py")
    (top / "code/ci/cli/main.py").write_text("import this\n")
    git(top, "add", "stack/asr/run.sh")
    (asr / "a.log").write_text("ignored\n")
    (asr / ".env").write_text("TOKEN=secret\n")
    (top / "stack/.dockwright.env").write_text("TOKEN=secret\n")
    (top / "docs/text").write_text("other\n")
    (top / "docs/new").write_text("new\n")


def test_a_clean_checkout_is_its_commit_alone(top: Path) -> None:
    commit = git(top, "rev-parse", "HEAD").strip()
    (top / "docs/text").write_text("no part of an image\n")
    assert seen(top) == Checkout(commit=commit, stack="stack", code="code", patch="")


def test_a_stack_outside_of_git_or_before_the_first_commit_has_none(tmp_path: Path) -> None:
    assert checkout_of(tmp_path) is None
    assert checkout_of(tmp_path / "nowhere") is None
    git(tmp_path, "init", "--quiet")
    assert checkout_of(tmp_path) is None


def test_a_stack_at_the_top_and_code_that_is_elsewhere(top: Path, tmp_path: Path) -> None:
    (top / "new").write_text("new\n")
    found = checkout_of(top, tmp_path / "elsewhere")
    assert found is not None
    assert (found.stack, found.code) == (".", None)
    assert "+new" in (found.patch or "")


def test_a_changed_checkout_can_be_had_again_from_its_commit_and_patch(top: Path, tmp_path: Path) -> None:
    change(top)
    own, status = tree(top / ".git"), git(top, "status", "--porcelain")
    checkout = seen(top)
    assert (tree(top / ".git"), git(top, "status", "--porcelain")) == (own, status)
    assert "secret" not in (checkout.patch or "")
    expected = {
        name: value
        for name, value in tree(top).items()
        if not name.endswith(("a.log", ".env")) and name != "docs/new"
    } | {"docs/text": ("file", b"text\n")}
    with worktree(top, checkout, tmp_path / "again", keep=False) as again:
        assert (again.folder, again.stack) == (tmp_path / "again", tmp_path / "again/stack")
        assert again.code == tmp_path / "again/code"
        assert tree(again.folder) == expected
        assert checkout_of(again.stack, again.folder / "code") == checkout
    assert not (tmp_path / "again").exists()
    assert len(git(top, "worktree", "list").splitlines()) == 1
    assert git(top, "status", "--porcelain") == status


def test_the_users_own_configuration_of_diffs_changes_no_patch(top: Path) -> None:
    change(top)
    before = seen(top)
    for name, value in (
        ("noprefix", "true"),
        ("external", "false"),
        ("renames", "copies"),
        ("color", "always"),
    ):
        git(top, "config", f"diff.{name}", value)
    git(top, "config", "color.ui", "always")
    assert seen(top) == before


def test_a_worktree_that_is_to_be_kept_stays(top: Path, tmp_path: Path) -> None:
    with worktree(top, seen(top), tmp_path / "kept", keep=True):
        pass
    assert (tmp_path / "kept/stack/asr/asr.py").exists()


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"x" * 79 * PATCH_LIMIT_BYTES, "1 changed files have 79.0 MB"),
        (b"0123456\n" * (PATCH_LIMIT_BYTES // 7), "it has 1.29 MB, more than 1.00 MB"),
        (b"caf\xe9\n", "it has text that is not UTF-8"),
    ],
)
def test_a_patch_that_is_too_large_or_no_text_is_left_out(top: Path, data: bytes, said: str) -> None:
    assert len(data) > CHANGED_LIMIT_BYTES or len(data) < CHANGED_LIMIT_BYTES / 10
    (top / "stack/large").write_bytes(data)
    checkout = seen(top)
    assert (checkout.patch, checkout.left_out) == (None, said)


def test_what_can_not_be_had_again_is_told_and_leaves_nothing(top: Path, tmp_path: Path) -> None:
    change(top)
    checkout = seen(top)
    other = "a" * 40
    cases = {
        f"revision {other[:12]} is not in the repository {top}\nhint: `git fetch`": {"commit": other},
        "the report's patch does not apply to revision": {"patch": f"{checkout.patch}{checkout.patch}"},
        "has no directory gone: the stack of that run was untracked": {"stack": "gone"},
        "has no directory ../repository: the": {"stack": "../repository"},
    }
    for said, values in cases.items():
        with (
            pytest.raises(UsageError) as raised,
            worktree(top, checkout.model_copy(update=values), tmp_path / "no", keep=False),
        ):
            pass
        assert said in str(raised.value)
        assert not (tmp_path / "no").exists()
    with (
        pytest.raises(UsageError, match="change to a checkout of the report"),
        worktree(tmp_path, checkout, tmp_path / "no", keep=False),
    ):
        pass
