"""The git checkout that a run builds from: its commit, and what differs from that as a patch.

Git is asked twice where nothing differs, four times where something does, and nothing in the repository
is written.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath

import ci
from ci.report.events import Checkout
from ci.report.units import size_text
from ci.run.git.git import Answer, git

CODE = Path(ci.__file__).resolve().parents[1]
"""Where the dockwright that runs lies."""
LIMIT_S = 5.0
"""Most seconds that git may take for one answer."""
PATCH_LIMIT_BYTES = 10**6
CHANGED_LIMIT_BYTES = 16 * 10**6
"""Files that changed and are larger than that together are not even looked at."""
NEVER = (":(exclude,glob)**/.env", ":(exclude,glob)**/.dockwright.env")
"""What may hold a secret, and is nothing that an image is made of."""
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
"""A patch that `git apply` takes, whatever the user's configuration says."""


def checkout_soon(stack: Path) -> Callable[[], Checkout | None]:
    """Begin to look at the checkout of `stack`, and return what waits for the answer."""
    pool = ThreadPoolExecutor(max_workers=1)
    found = pool.submit(checkout_of, stack)
    pool.shutdown(wait=False)
    return found.result


def checkout_of(stack: Path, code: Path = CODE) -> Checkout | None:
    """Return the checkout that the directory `stack` lies in; None outside of git, or before a first commit.

    Files that git does not know are part of the patch, ignored ones are not.
    """
    stack = stack.absolute()
    words = ("--show-toplevel", "--git-path", "index", "--git-path", "objects", "HEAD")
    asked = git(stack, "rev-parse", *words, limit_s=LIMIT_S)
    if asked.fault or len(asked.lines) != 4:
        return None
    shown, index, objects, commit = asked.lines
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
    """Return what differs below `paths` as a patch, or None and why there is none."""
    specs = ("--", *(":(top)" if path == "." else f":(top,literal){path}" for path in paths), *NEVER)
    status = ("status", "--porcelain=v1", "-z", "--no-renames", "--untracked-files=all")
    seen = git(top, *status, *specs, limit_s=LIMIT_S)
    if seen.fault:
        return None, f"git status: {seen.fault}"
    changed = [os.fsdecode(entry[3:]) for entry in seen.output.split(b"\0") if entry]
    if not changed:
        return "", ""
    size = sum(_size(top / path) for path in changed)
    if size > CHANGED_LIMIT_BYTES:
        return None, f"{len(changed)} changed files have {size_text(size)}"
    try:
        with tempfile.TemporaryDirectory(prefix="dockwright-patch-") as folder:
            said = _diff(top, specs, index, objects, Path(folder))
    except OSError as error:
        return None, f"{error.filename}: {error.strerror}"
    if said.fault:
        return None, f"git: {said.fault}"
    if len(said.output) > PATCH_LIMIT_BYTES:
        return None, f"it has {size_text(len(said.output))}, more than {size_text(PATCH_LIMIT_BYTES)}"
    try:
        return said.output.decode(), ""
    except UnicodeDecodeError:
        return None, "it holds text that is no UTF-8"


def _diff(top: Path, specs: tuple[str, ...], index: Path, objects: Path, folder: Path) -> Answer:
    """Ask for the patch by an index and objects of our own: files that git does not know are added there."""
    own = {
        "GIT_INDEX_FILE": str(folder / "index"),
        "GIT_OBJECT_DIRECTORY": str(folder / "objects"),
        "GIT_ALTERNATE_OBJECT_DIRECTORIES": str(objects),
    }
    (folder / "objects").mkdir()
    shutil.copyfile(index, folder / "index")
    added = git(top, "add", "--all", *specs, env=own, limit_s=LIMIT_S)
    return added if added.fault else git(top, "diff", *DIFF, "HEAD", *specs, env=own, limit_s=LIMIT_S)


def _size(path: Path) -> int:
    try:
        return path.lstat().st_size
    except OSError:
        return 0
