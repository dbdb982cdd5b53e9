"""A stack read for locking: its locks may be absent, stale or at odds with one another."""

from __future__ import annotations

from pathlib import Path
from shutil import copytree, ignore_patterns
from tempfile import TemporaryDirectory

from ci.catalog.image import APT_LOCK
from ci.catalog.load import BOOTSTRAP_LOCK, WHEELHOUSE_APT_LOCK, WHEELHOUSE_LOCK, load_stack
from ci.catalog.stack import Stack
from ci.errors import CatalogError, LockError
from ci.locks.request import python_requests

PYTHON_LOCKS = "requirements*.lock"


def load_unlocked(directory: Path) -> Stack:
    """Return the stack in `directory` whatever its locks say.

    Fresh locks that contradict one another (a parent that was changed, a merge) are mistakes of a stack,
    and making them anew is the way out: then the stack is read from a copy without its locks.

    Raises:
        CatalogError: there are mistakes beside the locks.
    """
    try:
        return load_stack(directory, "optional")
    except CatalogError:
        if not directory.is_dir():
            raise
    locks = (PYTHON_LOCKS, APT_LOCK, BOOTSTRAP_LOCK, WHEELHOUSE_LOCK, WHEELHOUSE_APT_LOCK)
    with TemporaryDirectory(prefix="dockwright-lock-") as temporary:
        copy = Path(temporary) / directory.resolve().name
        copytree(directory, copy, symlinks=True, ignore=ignore_patterns(*locks))
        return load_stack(copy, "optional")


def check_locks(directory: Path) -> None:
    """Hold every lock against what it answers, offline: what was asked for, over which parent, with which uv.

    Raises:
        CatalogError: there are mistakes beside the locks.
        LockError: a lock is absent, stale or at odds with another; all of them are named with the reason.
    """
    stack = load_unlocked(directory)
    try:
        load_stack(directory, "required")
    except CatalogError as error:
        raise LockError(str(error)) from error
    top = directory.resolve().name
    retitled = [
        f'{top}/{request.lock}: not made for "{request.title}"; run `dockwright lock`'
        for request in python_requests(directory, stack)
        if request.retitled
    ]
    if retitled:
        raise LockError("\n".join(retitled))
