"""One holder at a time, across processes of one machine."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio

POLL_S = 0.2


@asynccontextmanager
async def file_lock(path: Path) -> AsyncIterator[None]:
    """Hold the lock of the file `path`; it goes with the process, however that ends.

    Source: flock(2). On Windows, where nothing is built by the embedded engine, nothing is locked.
    """
    if sys.platform == "win32":
        yield
        return
    import fcntl

    with path.open("a") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                await anyio.sleep(POLL_S)
        yield
