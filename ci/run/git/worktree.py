"""The checkout of a report, made again: a temporary worktree of the local repository, with the patch."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ci.errors import UsageError
from ci.report.events import Checkout
from ci.run.git.git import git

LIMIT_S = 600.0
"""Most seconds to write a worktree, as of a large repository."""
QUIET = ("-c", f"core.hooksPath={os.devnull}", "-c", "advice.detachedHead=false")


@dataclass(frozen=True, slots=True, kw_only=True)
class Worktree:
    """The checkout in `folder`: its stack, and its own dockwright if it has one."""

    folder: Path
    stack: Path
    code: Path | None


@contextmanager
def worktree(repository: Path, checkout: Checkout, folder: Path, *, keep: bool) -> Iterator[Worktree]:
    """Write the commit of `checkout` with its patch to `folder`; remove it at the end, unless with `keep`.

    `repository` is any directory of a repository that has the commit.

    Raises:
        UsageError: git or the commit is missing, the commit has no such stack, or the patch does not apply.
    """
    short = checkout.commit[:12]
    top = git(repository, "rev-parse", "--show-toplevel")
    if top.error:
        raise UsageError(
            f"{repository}: {top.error}",
            hint="change to a checkout of the report's repository, or name its stack by `--stack DIR`",
        )
    (shown,) = top.lines
    if git(repository, "cat-file", "-e", f"{checkout.commit}^{{commit}}").error:
        raise UsageError(
            f"revision {short} is not in the repository {shown}",
            hint=f"`git fetch` downloads what was pushed, `git fetch origin {checkout.commit}` one commit",
        )
    try:
        made = git(
            repository, *QUIET, "worktree", "add", "--detach", str(folder), checkout.commit, limit_s=LIMIT_S
        )
        if made.error:
            raise UsageError(f"revision {short} can't be written to {folder}: {made.error}")
        _apply(folder, checkout)
        yield Worktree(folder=folder, stack=_stack(folder, checkout), code=_code(folder, checkout))
    finally:
        if not keep:
            git(repository, "worktree", "remove", "--force", str(folder), limit_s=LIMIT_S)


def _apply(folder: Path, checkout: Checkout) -> None:
    if not checkout.patch:
        return
    arguments = ("apply", "--index", "--binary", "--whitespace=nowarn", "-")
    applied = git(folder, *arguments, stdin=checkout.patch.encode())
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
