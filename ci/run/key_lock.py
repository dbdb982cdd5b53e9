"""Two runs of one machine that want the same: one makes it, the other waits and finds it."""

from __future__ import annotations

import os
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from ci.run.workspace.file_lock import file_lock

FOLDER = "locks"


def lock_path(state: Path, *names: str) -> Path:
    """Return the file whose lock stands for what `names` name, such as an image and its cache tag."""
    return state / FOLDER / (re.sub(r"[^A-Za-z0-9._-]", "-", "-".join(names)) + ".lock")


@asynccontextmanager
async def key_lock(path: Path, *, say: Callable[[str], None], what: str) -> AsyncIterator[bool]:
    """Hold the lock `path` of what is made, and give whether another run held it before.

    That is said when another process holds it; another task of this one is waited for in silence.
    """

    def waiting(holder: str) -> None:
        if holder != str(os.getpid()):
            say(f"waiting: another run{f' (process {holder})' if holder else ''} {what}")

    async with file_lock(path, waiting=waiting) as waited:
        yield waited
