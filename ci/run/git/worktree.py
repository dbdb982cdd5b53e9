"""A checkout of a report made again: a worktree of the repository here, patched, for a while."""

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
"""Most seconds to write a worktree: it may be of a large repository."""
QUIET = ("-c", f"core.hooksPath={os.devnull}", "-c", "advice.detachedHead=false")


@dataclass(frozen=True, slots=True, kw_only=True)
class Worktree:
    """The checkout in `folder`: its stack, and where the dockwright that belongs to it is, if it has one."""

    folder: Path
    stack: Path
    code: Path | None


@contextmanager
def worktree(repository: Path, checkout: Checkout, folder: Path, *, keep: bool) -> Iterator[Worktree]:
    """Write the commit of `checkout` with its patch to `folder`; it goes at the end, unless with `keep`.

    `repository` is any directory of a repository that has the commit.

    Raises:
        UsageError: there is no git here, no such commit, or it has no such stack, or the patch does not fit.
    """
    short = checkout.commit[:12]
    top = git(repository, "rev-parse", "--show-toplevel")
    if top.fault:
        raise UsageError(
            f"{repository}: {top.fault}; go to a checkout of the repository that the report is of, or name "
            "its stack with `--stack DIR`"
        )
    (shown,) = top.lines
    if git(repository, "cat-file", "-e", f"{checkout.commit}^{{commit}}").fault:
        raise UsageError(
            f"revision {short} is not in the repository {shown}; `git fetch` brings what was pushed "
            f"(`git fetch origin {checkout.commit}` one commit)"
        )
    try:
        made = git(
            repository, *QUIET, "worktree", "add", "--detach", str(folder), checkout.commit, limit_s=LIMIT_S
        )
        if made.fault:
            raise UsageError(f"revision {short} can't be written to {folder}: {made.fault}")
        _apply(folder, checkout)
        yield Worktree(folder=folder, stack=_stack(folder, checkout), code=_code(folder, checkout))
    finally:
        if not keep:
            git(repository, "worktree", "remove", "--force", str(folder), limit_s=LIMIT_S)


def _apply(folder: Path, checkout: Checkout) -> None:
    if not checkout.patch:
        return
    words = ("apply", "--index", "--binary", "--whitespace=nowarn", "-")
    applied = git(folder, *words, given=checkout.patch.encode())
    if applied.fault:
        raise UsageError(
            f"the report's patch does not fit revision {checkout.commit[:12]}: {applied.fault}; "
            "was the report changed?"
        )


def _stack(folder: Path, checkout: Checkout) -> Path:
    stack = (folder / checkout.stack).resolve()
    if not stack.is_relative_to(folder.resolve()) or not stack.is_dir():
        raise UsageError(
            f"revision {checkout.commit[:12]} has no directory {checkout.stack}, which was the stack of that "
            "run: git did not know it, or ignored it"
        )
    return stack


def _code(folder: Path, checkout: Checkout) -> Path | None:
    if checkout.code is None:
        return None
    code = (folder / checkout.code).resolve()
    is_there = code.is_relative_to(folder.resolve()) and (code / "ci/cli/main.py").is_file()
    return code if is_there else None
