"""The git checkout that a run builds from: its commit, and the changes since as a patch.

Nothing in the repository is written, and no program is run that it names.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath

import ci
from ci.redaction import redacted
from ci.report.events import Checkout
from ci.report.units import size_text
from ci.run.git.changes import changes_of
from ci.run.git.git import GitResult
from ci.run.git.git_directory import SafeGit, opened

CODE = Path(ci.__file__).resolve().parents[1]
"""The checkout of the dockwright that is running."""
LIMIT_S = 5.0
"""Most seconds of one call of git."""
PATCH_LIMIT_BYTES = 10**6
CHANGED_LIMIT_BYTES = 16 * 10**6
"""Changed files that are larger together are not read."""
NEVER = (":(exclude,glob)**/.env", ":(exclude,glob)**/.dockwright.env")
"""Files that may have secrets and are in no image."""
DIFF = (
    "--cached",
    "--binary",
    "--no-renames",
    "--no-color",
    "--no-ext-diff",
    "--no-textconv",
    "--ignore-submodules=all",
    "--src-prefix=a/",
    "--dst-prefix=b/",
)
"""Options for a patch that `git apply` accepts, whatever the user's configuration is."""


def checkout_soon(stack: Path) -> Callable[[], Checkout | None]:
    """Start inspecting the checkout of `stack`; return a function that waits for the result."""
    pool = ThreadPoolExecutor(max_workers=1)
    found = pool.submit(checkout_of, stack)
    pool.shutdown(wait=False)
    return found.result


def checkout_of(stack: Path, code: Path = CODE) -> Checkout | None:
    """Return the checkout that has the directory `stack`; None outside of git, or before a first commit.

    Untracked files are part of the patch, ignored ones are not. Git's filters are not run, so a file that one
    of them changed (git-lfs) is in the patch as it is.
    """
    try:
        with opened(stack) as git:
            return _checkout(git, stack, code) if git is not None else None
    except OSError:
        return None


def _checkout(git: SafeGit, stack: Path, code: Path) -> Checkout | None:
    commit = git.run("rev-parse", "--verify", "HEAD^{commit}", limit_s=LIMIT_S).text
    below = _below(stack, git.top)
    if commit is None or below is None:
        return None
    own = _below(code, git.top)
    paths = (below, *(() if own is None else (PurePosixPath(own, "ci").as_posix(),)))
    patch, left_out = _patch(git, paths)
    return Checkout(commit=commit, stack=below, code=own, patch=patch, left_out=left_out)


def _below(folder: Path, top: Path) -> str | None:
    resolved = folder.resolve()
    return resolved.relative_to(top).as_posix() if resolved.is_relative_to(top) else None


def _patch(git: SafeGit, paths: tuple[str, ...]) -> tuple[str | None, str]:
    """Return the changes below `paths` as a patch; else None and the reason."""
    specs = (*(":(top)" if path == "." else f":(top,literal){path}" for path in paths), *NEVER)
    changes = changes_of(git, specs, limit_s=LIMIT_S)
    if changes.error or changes.repositories:
        found = ", ".join(changes.repositories)
        return None, changes.error or f"{found}: a repository of its own, with other files than its commit"
    if not changes.files:
        return "", ""
    size = sum(_size(git.top / path) for path in changes.files)
    if size > CHANGED_LIMIT_BYTES:
        return None, f"{len(changes.files)} changed files have {size_text(size)}"
    try:
        diff = _diff(git, (*specs, *changes.without_modules))
    except OSError as error:
        return None, f"{error.filename}: {error.strerror}"
    if diff.error:
        return None, f"git: {diff.error}"
    if len(diff.output) > PATCH_LIMIT_BYTES:
        return None, f"it has {size_text(len(diff.output))}, more than {size_text(PATCH_LIMIT_BYTES)}"
    try:
        patch = diff.output.decode()
    except UnicodeDecodeError:
        return None, "it has text that is not UTF-8"
    return (None, "it has a password or a token") if redacted(patch) != patch else (patch, "")


def _diff(git: SafeGit, specs: tuple[str, ...]) -> GitResult:
    """Make the patch with an index and objects of our own, to which untracked files are added."""
    own = git.own_index
    added = git.run("add", "--all", "--", *specs, env=own, limit_s=LIMIT_S)
    return added if added.error else git.run("diff", *DIFF, "HEAD", "--", *specs, env=own, limit_s=LIMIT_S)


def _size(path: Path) -> int:
    try:
        return path.lstat().st_size
    except OSError:
        return 0
