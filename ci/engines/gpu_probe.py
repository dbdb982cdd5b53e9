"""Finding the GPU of this machine."""

from __future__ import annotations

from ci.engines.gpu import Gpu, find_gpu
from ci.engines.process.command import Command
from ci.engines.process.runner import Runner
from ci.errors import CommandError, EngineError

LDCONFIG = Command(argv=("/sbin/ldconfig", "-p"))


async def find_gpu_here(runner: Runner) -> Gpu | str:
    """Return the GPU of this machine, or why there is none to use."""
    try:
        cached = await runner.run(LDCONFIG)
    except (CommandError, EngineError):
        cached = ""
    return find_gpu(cached=cached)
