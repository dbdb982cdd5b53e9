"""The checkout of a report, made again from the objects of the local repository, with the patch."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from ci.errors import UsageError
from ci.report.events import Checkout
from ci.run.git.git_directory import SafeGit, make_git_directory, opened
from ci.run.git.repository import Repository

LIMIT_S = 600.0
"""Most seconds to write a worktree, as of a large repository."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Worktree:
    """The checkout in `folder`: its stack, and its own dockwright if it has one."""

    folder: Path
    stack: Path
    code: Path | None


@contextmanager
def worktree(directory: Path, checkout: Checkout, folder: Path, *, keep: bool) -> Iterator[Worktree]:
    """Write the commit of `checkout` with its patch to `folder`; remove it at the end, unless with `keep`.

    `directory` is any directory of a repository that has the commit. The checkout is a repository of its own
    that reads the other's objects: nothing is written there, and neither its hooks nor its filters run.

    Raises:
        UsageError: git or the commit is missing, the commit has no such stack, or the patch does not apply.
    """
    with opened(directory) as git:
        if git is None:
            raise UsageError(
                f"{directory} is in no git repository",
                hint="change to a checkout of the report's repository, or name its stack by `--stack DIR`",
            )
        _check_commit(git, checkout.commit)
        repository = git.repository
    try:
        folder.mkdir(parents=True)
    except OSError as error:
        raise UsageError(f"{folder}: {error.strerror}") from error
    try:
        here = _written(repository, checkout.commit, folder)
        _apply(here, checkout)
        yield Worktree(folder=folder, stack=_stack(folder, checkout), code=_code(folder, checkout))
    finally:
        if not keep:
            shutil.rmtree(folder, ignore_errors=True)


def _written(repository: Repository, commit: str, folder: Path) -> SafeGit:
    own = folder / ".git"
    try:
        own.mkdir()
        make_git_directory(repository, own, head=commit)
    except OSError as error:
        raise UsageError(f"{error.filename or folder}: {error.strerror}") from error
    here = SafeGit(repository=replace(repository, top=folder, directory=own, common=own), directory=own)
    made = here.run("reset", "--quiet", "--hard", commit, limit_s=LIMIT_S)
    if made.error:
        raise UsageError(f"revision {commit[:12]} can't be written to {folder}: {made.error}")
    return here


def _check_commit(git: SafeGit, commit: str) -> None:
    found = git.run("cat-file", "-e", f"{commit}^{{commit}}")
    if found.error.startswith("git can't"):
        raise UsageError(found.error)
    if found.error:
        raise UsageError(
            f"revision {commit[:12]} is not in the repository {git.top}",
            hint=f"`git fetch` downloads what was pushed, `git fetch origin {commit}` one commit",
        )


def _apply(git: SafeGit, checkout: Checkout) -> None:
    if not checkout.patch:
        return
    arguments = ("apply", "--index", "--binary", "--whitespace=nowarn", "-")
    applied = git.run(*arguments, stdin=checkout.patch.encode())
    if applied.error:
        raise UsageError(
            f"the report's patch does not apply to revision {checkout.commit[:12]}: {applied.error}",
            hint="use the report as the run wrote it",
        )


def _stack(folder: Path, checkout: Checkout) -> Path:
    stack = (folder / checkout.stack).resolve()
    if not stack.is_relative_to(folder.resolve()) or not stack.is_dir():
        raise UsageError(
            f"revision {checkout.commit[:12]} has no directory {checkout.stack}: the stack of that run was "
            "untracked or ignored"
        )
    return stack


def _code(folder: Path, checkout: Checkout) -> Path | None:
    if checkout.code is None:
        return None
    code = (folder / checkout.code).resolve()
    exists = code.is_relative_to(folder.resolve()) and (code / "ci/cli/main.py").is_file()
    return code if exists else None
