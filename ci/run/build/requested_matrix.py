"""The matrix of a request: the images that a registry lacks, whatever this machine has."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from ci.run.build.matrix import Matrix, matrix
from ci.run.build.request import Request
from ci.run.reuse.checked import unchecked_in_registry
from ci.run.reuse.remote_cache import open_remote_cache
from ci.run.workspace.local_store import Store
from ci.run.workspace.workspace import Workspace


async def matrix_of(
    workspace: Workspace, request: Request, environ: Mapping[str, str], say: Callable[[str], None]
) -> Matrix:
    """Return the jobs that build and check what the registry lacks of `request`; no engine is used."""
    unchecked = frozenset[str]()
    plan_of = partial(request.plan, workspace)
    async with open_remote_cache(workspace, environ, plan_of, say) as remote:
        if remote is not None:
            unchecked = await unchecked_in_registry(workspace, remote)
        for warning in remote.warnings if remote is not None else ():
            say(f"warning: {warning}")
        sizes = remote.unpacked_bytes if remote is not None else {}
        plan = remote.plan if remote is not None else await plan_of(Store(ids={}))
    return matrix(
        workspace.stack,
        plan,
        remote=sizes,
        capacity=workspace.capacity,
        unchecked=unchecked,
        floor_bytes=workspace.settings.disk_floor_mb * 10**6,
    )
