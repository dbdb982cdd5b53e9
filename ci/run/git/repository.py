"""A repository as it lies in a folder, found without git: nothing in it is trusted.

Git runs programs that a repository's own configuration names: for file system events, filters, diffs, hooks,
helpers of transports. The names are free, so they can't be switched off one by one. So git never sees that
configuration: it gets a git directory of ours (ci.run.git.git_directory) with the refs and the objects.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

POINTER_BYTES = 4096
"""No file that names a folder is larger: PATH_MAX."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Repository:
    """A working tree and where its repository is.

    Attributes:
        top: the folder that has `.git`, resolved.
        directory: its own git directory, with HEAD and the index.
        common: what its worktrees share, with refs, objects and configuration; often the same.

    Source: gitrepository-layout(5).
    """

    top: Path
    directory: Path
    common: Path


def find_repository(folder: Path) -> Repository | None:
    """Return the repository whose working tree has `folder`; None where there is none.

    GIT_DIR and the like of the environment are of another program, such as a hook that started this one.
    """
    try:
        start = folder.resolve(strict=True)
    except (OSError, RuntimeError):
        return None
    for top in (start, *start.parents):
        directory = _git_directory(top)
        if directory is not None:
            return Repository(top=top, directory=directory, common=_common(directory))
    return None


def _git_directory(top: Path) -> Path | None:
    own = top / ".git"
    if own.is_dir():
        return own.resolve() if _is_git_directory(own) else None
    named = _pointer(own, "gitdir: ")
    if named is None:
        return None
    directory = top / named
    return directory.resolve() if _is_git_directory(directory) else None


def _is_git_directory(directory: Path) -> bool:
    """Whether it has what git looks for. A bare HEAD may be a link to a branch that has no commit."""
    common = _common(directory)
    folders = (common / "objects", common / "refs")
    return os.path.lexists(directory / "HEAD") and all(folder.is_dir() for folder in folders)


def _common(directory: Path) -> Path:
    named = _pointer(directory / "commondir", "")
    return (directory / named).resolve() if named is not None else directory.resolve()


def head_text(repository: Repository) -> str:
    """Return what HEAD says: a commit, or `ref: ` and a branch. Older repositories have a link there."""
    head = repository.directory / "HEAD"
    if head.is_symlink():
        return f"ref: {head.readlink().as_posix()}\n"
    return f"{_pointer(head, '') or ''}\n"


def _pointer(file: Path, prefix: str) -> str | None:
    """Return the path in a file of git; None where there is no such regular file."""
    if not file.is_file():
        return None
    try:
        with file.open("rb") as stream:
            text = os.fsdecode(stream.read(POINTER_BYTES))
    except OSError:
        return None
    first = text.removesuffix("\n").removesuffix("\r")
    named = first.removeprefix(prefix)
    return named if first.startswith(prefix) and named and "\0" not in named else None


def shared_indexes(directory: Path) -> Iterator[Path]:
    """Yield the files that a split index needs too. Source: gitformat-index(5)."""
    yield from sorted(directory.glob("sharedindex.*"))
