"""A repository of others: whatever program its configuration names, dockwright's calls of git run none."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from ci.run.git.changes import changes_of
from ci.run.git.checkout import checkout_of
from ci.run.git.git_directory import opened
from ci.run.git.revision import revision_of
from ci.run.git.worktree import worktree
from ci.run.verify.key_documents import stack_at
from tests.engine.repository import committed, git
from tests.unit.catalog.folder import StackFolder

pytestmark = pytest.mark.engine

ATTRIBUTES = "* filter=evil diff=evil merge=evil\n"
HOOKS = (
    "post-checkout",
    "post-index-change",
    "reference-transaction",
    "fsmonitor-watchman",
    "pre-commit",
    "post-rewrite",
    "pre-applypatch",
    "applypatch-msg",
    "post-applypatch",
    "sendemail-validate",
    "proc-receive",
    "update",
)
KEYS = (
    "core.fsmonitor",
    "core.pager",
    "core.editor",
    "core.sshCommand",
    "core.askPass",
    "core.gitProxy",
    "core.alternateRefsCommand",
    "core.hooksPath",
    "filter.evil.clean",
    "filter.evil.smudge",
    "filter.evil.process",
    "diff.external",
    "diff.evil.command",
    "diff.evil.textconv",
    "diff.tool",
    "difftool.evil.cmd",
    "merge.evil.driver",
    "mergetool.evil.cmd",
    "interactive.diffFilter",
    "sequence.editor",
    "gpg.program",
    "gpg.ssh.program",
    "gpg.x509.program",
    "credential.helper",
    "credential.https://example.org.helper",
    "alias.rev-parse",
    "alias.status",
    "alias.ls-files",
    "alias.archive",
    "pager.status",
    "pager.diff",
    "pager.ls-files",
    "tar.tar.command",
    "archive.tar.command",
    "submodule.sub.update",
    "submodule.recurse",
    "remote.origin.uploadpack",
    "remote.origin.vcs",
    "remote.origin.proxy",
    "remote.origin.url",
    "url.ext::touch.insteadOf",
    "uploadpack.packObjectsHook",
    "trailer.evil.command",
    "trailer.evil.cmd",
    "web.browser",
    "browser.evil.cmd",
    "man.evil.cmd",
    "imap.tunnel",
    "sendemail.smtpServer",
    "init.templateDir",
    "include.path",
    "guitool.evil.cmd",
    "trace2.eventTarget",
    "core.attributesFile",
    "core.excludesFile",
)


@pytest.fixture
def top(tmp_path: Path) -> Path:
    """A repository with a stack, a submodule, and a file that is changed and one that is new."""
    folder = tmp_path / "repository"
    folder.mkdir()
    StackFolder(folder)
    sub = tmp_path / "sub"
    sub.mkdir()
    (sub / "file").write_text("1\n")
    committed(sub)
    committed(folder)
    git(folder, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(sub), "docker/sub")
    (folder / ".gitattributes").write_text(ATTRIBUTES)
    committed(folder)
    return folder


def change(top: Path) -> None:
    image = next(top.glob("docker/*/image.toml"))
    image.write_text(image.read_text() + "\n")
    (top / "docker/new").write_text("new\n")


def use_all(top: Path, tmp_path: Path) -> None:
    """Call git in every way that a command does."""
    clean = checkout_of(top / "docker", top.parent)
    revision_of(top / "docker")
    stack_at(top / "docker", "HEAD")
    change(top)
    os.utime(top / ".git/index", (0, 0))  # so that every file is compared with the index
    checkout = checkout_of(top / "docker", top.parent)
    assert not revision_of(top / "docker").is_clean
    assert clean is not None
    assert checkout is not None
    assert "+new" in (checkout.patch or checkout.left_out)
    with worktree(top, checkout, tmp_path / "again", keep=False) as again:
        assert (again.folder / "docker/new").read_text() == "new\n"
        assert checkout_of(again.stack, top.parent) is not None


USED = ("core.fsmonitor", "core.hooksPath", "filter.evil.clean", "filter.evil.smudge", "include.path")
"""Those that start a program with the calls of git that dockwright makes, if git reads them."""


@pytest.mark.parametrize("keys", [KEYS, *((key,) for key in USED)], ids=["all", *USED])
def test_no_key_of_a_configuration_starts_a_program(keys: tuple[str, ...], top: Path, tmp_path: Path) -> None:
    canary, program = tmp_path / "canary", tmp_path / "program"
    program.write_text(f"#!/bin/sh\necho run >> {canary}\ncat\n")
    program.chmod(0o755)
    for key in keys:
        configure(top, tmp_path, key, program)
    use_all(top, tmp_path)
    assert not canary.exists()


def configure(top: Path, tmp_path: Path, key: str, program: Path) -> None:
    """Set a key to a program, in the repository and in its submodule."""
    value = f"!{program}" if key.startswith(("alias.", "submodule.", "credential.")) else str(program)
    if key == "core.hooksPath":
        value = hooks(tmp_path / "hooks", program)
    if key == "include.path":
        value = str(tmp_path / "included")
        Path(value).write_text(f'[core]\n\tfsmonitor = {program}\n[filter "evil"]\n\tclean = {program}\n')
    for config in (top / ".git/config", top / ".git/modules/docker/sub/config"):
        git(tmp_path, "config", "--file", str(config), key, value)


def hooks(folder: Path, program: Path) -> str:
    folder.mkdir(exist_ok=True)
    for name in HOOKS:
        (folder / name).symlink_to(program)
    return str(folder)


def test_no_hook_and_no_missing_object_starts_a_program(top: Path, tmp_path: Path) -> None:
    canary, program = tmp_path / "canary", tmp_path / "program"
    program.write_text(f"#!/bin/sh\necho hook >> {canary}\n")
    program.chmod(0o755)
    hooks(top / ".git/hooks", program)
    hooks(top / ".git/modules/docker/sub/hooks", program)
    for name, value in {
        "core.repositoryformatversion": "1",
        "extensions.partialClone": "origin",
        "extensions.worktreeConfig": "true",
        "remote.origin.promisor": "true",
        "remote.origin.url": f"ext::{program}",
        "protocol.ext.allow": "always",
    }.items():
        git(top, "config", name, value)
    (top / ".git/config.worktree").write_text(f"[core]\n\tfsmonitor = {program}\n")
    blob = git(top, "rev-parse", "HEAD:docker/stack.toml").strip()
    (top / ".git/objects" / blob[:2] / blob[2:]).unlink()
    (top / "docker/stack.toml").write_text((top / "docker/stack.toml").read_text() + "\n")
    checkout = checkout_of(top / "docker", top.parent)
    assert checkout is not None
    assert checkout.patch is None
    with opened(top) as safe:
        assert safe is not None
        assert safe.run("cat-file", "-p", blob).error
    assert not canary.exists()


def test_the_environment_of_the_caller_starts_no_program(
    top: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    canary, program = tmp_path / "canary", top / "git"
    program.write_text(f"#!/bin/sh\necho run >> {canary}\n")
    program.chmod(0o755)
    for name in (
        "GIT_EXTERNAL_DIFF",
        "GIT_SSH",
        "GIT_PROXY_COMMAND",
        "GIT_EDITOR",
        "GIT_PAGER",
        "GIT_ASKPASS",
    ):
        monkeypatch.setenv(name, str(program))
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "sub/.git"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "no"))
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "core.fsmonitor")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", str(program))
    monkeypatch.setenv("PATH", f".:{os.environ['PATH']}")
    monkeypatch.chdir(top)
    checkout = checkout_of(top / "docker", top.parent)
    assert checkout is not None
    assert checkout.patch == ""
    assert not canary.exists()


def elsewhere(top: Path, tmp_path: Path) -> Path:
    """Move the git directory to another folder, named by a file `.git`."""
    (top / ".git").rename(tmp_path / "moved")
    (top / ".git").write_text(f"gitdir: {tmp_path / 'moved'}\n")
    (top / "docker/sub/.git").write_text(f"gitdir: {tmp_path / 'moved/modules/docker/sub'}\n")
    return top


def linked(top: Path, tmp_path: Path) -> Path:
    """A worktree of git's own."""
    git(top, "worktree", "add", "--quiet", str(tmp_path / "linked"))
    return tmp_path / "linked"


def split(top: Path, tmp_path: Path) -> Path:
    """An index in two files."""
    assert tmp_path.is_dir()
    git(top, "update-index", "--split-index")
    return top


def packed(top: Path, tmp_path: Path) -> Path:
    """Refs and objects in packs, and a detached HEAD."""
    assert tmp_path.is_dir()
    git(top, "gc", "--quiet")
    git(top, "checkout", "--quiet", "--detach")
    return top


def shallow(top: Path, tmp_path: Path) -> Path:
    """A clone of the last commit alone, which has alternates."""
    git(tmp_path, "clone", "--quiet", "--depth=1", f"file://{top}", "shallow")
    git(tmp_path, "clone", "--quiet", "--shared", str(top), "shared")
    return tmp_path / "shallow"


def shared(top: Path, tmp_path: Path) -> Path:
    """A clone that has its objects elsewhere."""
    git(tmp_path, "clone", "--quiet", "--shared", str(top), "shared: a,b")
    return tmp_path / "shared: a,b"


def sha256(top: Path, tmp_path: Path) -> Path:
    """A repository with other object names."""
    folder = tmp_path / "sha256"
    folder.mkdir()
    git(folder, "init", "--quiet", "--object-format=sha256")
    StackFolder(folder)
    committed(folder)
    assert top.is_dir()
    return folder


@pytest.mark.parametrize("kind", [elsewhere, linked, split, packed, shallow, shared, sha256])
def test_every_kind_of_repository_is_read(
    kind: Callable[[Path, Path], Path], top: Path, tmp_path: Path
) -> None:
    repository = kind(top, tmp_path)
    commit = git(repository, "rev-parse", "HEAD").strip()
    found = checkout_of(repository / "docker", tmp_path)
    assert found is not None
    assert (found.commit, found.patch, found.left_out) == (commit, "", "")
    assert revision_of(repository / "docker").is_clean
    (repository / "docker/new").write_text("new\n")
    found = checkout_of(repository / "docker", tmp_path)
    assert found is not None
    assert "+new" in (found.patch or "")
    with worktree(repository, found, tmp_path / "again", keep=False) as again:
        assert (again.stack / "new").read_text() == "new\n"


def test_a_submodule_that_differs_is_named(top: Path, tmp_path: Path) -> None:
    (top / "docker/sub/file").write_text("2\n")
    found = checkout_of(top / "docker", tmp_path)
    assert found is not None
    assert found.patch is None
    assert found.left_out == "docker/sub: a repository of its own, with other files than its commit"
    assert not revision_of(top / "docker").is_clean
    with opened(top) as safe:
        assert safe is not None
        assert changes_of(safe, (":(top)",), limit_s=5.0).repositories == ("docker/sub",)


def test_what_the_user_ignores_everywhere_is_no_change(
    top: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    (home / ".config/git").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    (top / "docker/.DS_Store").write_text("x")
    assert not revision_of(top / "docker").is_clean
    (home / ".config/git/ignore").write_text(".DS_Store\n")
    assert revision_of(top / "docker").is_clean
    (home / ".config/git/ignore").unlink()
    (home / "ignored").write_text(".DS_*\n")
    (home / ".gitconfig").write_text('[core]\n\texcludesfile = "~/ignored"\n')
    assert revision_of(top / "docker").is_clean
