"""What of a working tree differs from its commit, its submodules included."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ci.run.git.git_directory import SafeGit, opened

STATUS = ("--porcelain=v1", "-z", "--no-renames", "--untracked-files=all", "--ignore-submodules=all")
MODULE = b"160000 "
"""The mode of a submodule in an index. Source: gitformat-index(5)."""
DEEPEST = 8
"""How deep submodules in submodules are followed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What differs from the commit.

    Attributes:
        files: changed and untracked files, as paths from the top.
        repositories: submodules that differ, and untracked repositories.
        modules: all submodules.
        error: why that is not known; empty where it is.
    """

    files: tuple[str, ...] = ()
    repositories: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()
    error: str = ""

    @property
    def without_modules(self) -> tuple[str, ...]:
        """Arguments for git that leave submodules out: it would start another git in them."""
        return tuple(f":(top,exclude,literal){path}" for path in self.modules)


def changes_of(git: SafeGit, specs: Sequence[str], *, limit_s: float, depth: int = DEEPEST) -> Changes:
    """Return the changes of what `specs` name, which are pathspecs of git."""
    listed = git.run("ls-files", "--stage", "-z", "--", *specs, limit_s=limit_s)
    if listed.error:
        return Changes(error=f"git ls-files: {listed.error}")
    modules = [entry for entry in listed.output.split(b"\0") if entry.startswith(MODULE)]
    named = {os.fsdecode(entry.partition(b"\t")[2]): entry.split(b" ")[1].decode() for entry in modules}
    leave = tuple(f":(top,exclude,literal){path}" for path in named)
    status = git.run("status", *STATUS, "--", *specs, *leave, limit_s=limit_s)
    if status.error:
        return Changes(error=f"git status: {status.error}")
    found = [os.fsdecode(entry[3:]) for entry in status.output.split(b"\0") if entry]
    others = [path.rstrip("/") for path in found if path.endswith("/")]
    others += [path for path, commit in named.items() if not _is_at(git.top / path, commit, limit_s, depth)]
    return Changes(
        files=tuple(path for path in found if not path.endswith("/")),
        repositories=tuple(others),
        modules=tuple(named),
    )


def _is_at(folder: Path, commit: str, limit_s: float, depth: int) -> bool:
    """Whether a submodule has the files of that commit, or none at all."""
    if not os.path.lexists(folder / ".git"):
        return not folder.is_dir() or not any(folder.iterdir())
    if depth == 0:
        return False
    with opened(folder) as git:
        if git is None or git.top != folder.resolve():
            return False
        if git.run("rev-parse", "--verify", "HEAD^{commit}", limit_s=limit_s).text != commit:
            return False
        changes = changes_of(git, (":(top)",), limit_s=limit_s, depth=depth - 1)
    return not (changes.files or changes.repositories or changes.error)
