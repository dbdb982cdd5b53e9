"""A stack read for locking: its locks may be absent, stale or inconsistent."""

from __future__ import annotations

from pathlib import Path

from ci.catalog.load import load_stack
from ci.catalog.stack import Stack
from ci.errors import CatalogError, LockError
from ci.locks.request import python_requests

PYTHON_LOCKS = "requirements*.lock"


def load_unlocked(directory: Path) -> Stack:
    """Return the stack in `directory`, even if its locks have errors.

    Fresh locks that contradict one another (a changed parent, a merge) are errors of a stack that only new
    locks correct: then the stack is read without its locks.

    Raises:
        CatalogError: there are other errors than in the locks.
    """
    try:
        return load_stack(directory, "optional")
    except CatalogError:
        return load_stack(directory, "none")


def check_locks(directory: Path) -> None:
    """Check that every lock fits its requirements, its parent and the version of uv, offline.

    Raises:
        CatalogError: there are other errors than in the locks.
        LockError: a lock is absent, stale or contradicts another; all of them are reported.
    """
    stack = load_unlocked(directory)
    try:
        load_stack(directory, "required")
    except CatalogError as error:
        raise LockError(str(error)) from error
    top = directory.resolve().name
    retitled = [
        f'{top}/{request.lock}: made for another parent or uv: its first line is not "# {request.title}"'
        for request in python_requests(directory, stack)
        if request.retitled
    ]
    if retitled:
        raise LockError("\n".join(retitled), hint="run `dockwright lock`")
