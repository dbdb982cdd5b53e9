"""The git checkout that a run builds from: its commit, and the changes since as a patch.

Git is called twice where nothing has changed and four times otherwise. Nothing in the repository is written.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath

import ci
from ci.redaction import redacted
from ci.report.events import Checkout
from ci.report.units import size_text
from ci.run.git.git import GitResult, git

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
    "--submodule=short",
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

    Untracked files are part of the patch, ignored ones are not.
    """
    stack = stack.absolute()
    arguments = ("--show-toplevel", "--git-path", "index", "--git-path", "objects", "HEAD")
    found = git(stack, "rev-parse", *arguments, limit_s=LIMIT_S)
    if found.error or len(found.lines) != 4:
        return None
    shown, index, objects, commit = found.lines
    top = Path(shown)
    below = _below(stack, top)
    if below is None:
        return None
    own = _below(code, top)
    paths = (below, *(() if own is None else (PurePosixPath(own, "ci").as_posix(),)))
    patch, left_out = _patch(top, paths, stack / index, stack / objects)
    return Checkout(commit=commit, stack=below, code=own, patch=patch, left_out=left_out)


def _below(folder: Path, top: Path) -> str | None:
    resolved = folder.resolve()
    return resolved.relative_to(top).as_posix() if resolved.is_relative_to(top) else None


def _patch(top: Path, paths: tuple[str, ...], index: Path, objects: Path) -> tuple[str | None, str]:
    """Return the changes below `paths` as a patch; else None and the reason."""
    specs = ("--", *(":(top)" if path == "." else f":(top,literal){path}" for path in paths), *NEVER)
    status = ("status", "--porcelain=v1", "-z", "--no-renames", "--untracked-files=all")
    status_result = git(top, *status, *specs, limit_s=LIMIT_S)
    if status_result.error:
        return None, f"git status: {status_result.error}"
    changed = [os.fsdecode(entry[3:]) for entry in status_result.output.split(b"\0") if entry]
    if not changed:
        return "", ""
    size = sum(_size(top / path) for path in changed)
    if size > CHANGED_LIMIT_BYTES:
        return None, f"{len(changed)} changed files have {size_text(size)}"
    try:
        with tempfile.TemporaryDirectory(prefix="dockwright-patch-") as folder:
            diff = _diff(top, specs, index, objects, Path(folder))
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


def _diff(top: Path, specs: tuple[str, ...], index: Path, objects: Path, folder: Path) -> GitResult:
    """Make the patch with an index and objects of our own, to which untracked files are added."""
    own = {
        "GIT_INDEX_FILE": str(folder / "index"),
        "GIT_OBJECT_DIRECTORY": str(folder / "objects"),
        "GIT_ALTERNATE_OBJECT_DIRECTORIES": str(objects),
    }
    (folder / "objects").mkdir()
    shutil.copyfile(index, folder / "index")
    added = git(top, "add", "--all", *specs, env=own, limit_s=LIMIT_S)
    return added if added.error else git(top, "diff", *DIFF, "HEAD", *specs, env=own, limit_s=LIMIT_S)


def _size(path: Path) -> int:
    try:
        return path.lstat().st_size
    except OSError:
        return 0
