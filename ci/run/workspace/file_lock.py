"""One holder at a time, across processes of one machine."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import IO

import anyio
from anyio.from_thread import start_blocking_portal

POLL_S = 0.2


@asynccontextmanager
async def file_lock(path: Path, *, waiting: Callable[[str], None] | None = None) -> AsyncIterator[bool]:
    """Hold the lock of the file `path`, and yield whether another process or task held it before.

    The lock ends with the process, however that ends, and no child inherits it; the file is removed after.
    `waiting` is called once if there is a wait, with the holder's process id (empty if it isn't known).

    Source: flock(2). On Windows, where nothing is built by the embedded engine, nothing is locked.
    """
    if sys.platform == "win32":
        yield False
        return
    import fcntl

    path.parent.mkdir(parents=True, exist_ok=True)
    waited = False
    while True:
        with path.open("a+") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if not waited and waiting is not None:
                    file.seek(0)
                    waiting(file.read(20).strip())
                waited = True
            else:
                if _is_at(file, path):  # else its last holder removed it
                    file.truncate(0)
                    file.write(f"{os.getpid()}\n")
                    file.flush()
                    try:
                        yield waited
                    finally:
                        path.unlink(missing_ok=True)
                    return
                continue
        await anyio.sleep(POLL_S)


@contextmanager
def held(path: Path, *, say: Callable[[str], None], what: str) -> Iterator[None]:
    """Hold the lock `path` outside of an event loop; see `key_lock`."""
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(key_lock(path, say=say, what=what)),
    ):
        yield


def _is_at(file: IO[str], path: Path) -> bool:
    """Whether `path` names the opened file still."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


FOLDER = "locks"


def lock_path(state: Path, *names: str) -> Path:
    """Return the lock file of what `names` name, such as an image and its cache tag."""
    return state / FOLDER / (re.sub(r"[^A-Za-z0-9._-]", "-", "-".join(names)) + ".lock")


@asynccontextmanager
async def key_lock(path: Path, *, say: Callable[[str], None], what: str) -> AsyncIterator[bool]:
    """Hold the lock `path`, and yield whether another process or task held it before.

    A wait for another process is reported through `say`, a wait for a task of this one is not. `what` says
    what the holder does: `builds asr:cpu`.
    """

    def waiting(holder: str) -> None:
        if holder != str(os.getpid()):
            say(f"waiting: another run{f' (process {holder})' if holder else ''} {what}")

    async with file_lock(path, waiting=waiting) as waited:
        yield waited
