"""Worker threads that hash: the event loop goes on, so progress is shown and Ctrl-C ends a run at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import anyio
from anyio.from_thread import check_cancelled
from anyio.lowlevel import RunVar

THREADS = 2
"""How many threads hash at once; more would only compete for one disk."""

Result = TypeVar("Result")
_limiter: RunVar[anyio.CapacityLimiter] = RunVar("dockwright-hash-threads")


async def in_hash_thread(function: Callable[[Callable[[], None]], Result]) -> Result:
    """Return `function(on_chunk)`, called in one of the threads.

    `function` calls `on_chunk` before each chunk that it hashes, which raises once the waiting task is
    cancelled.
    """
    limiter = _limiter.get(None)
    if limiter is None:
        limiter = anyio.CapacityLimiter(THREADS)
        _limiter.set(limiter)
    return await anyio.to_thread.run_sync(function, check_cancelled, limiter=limiter)
