"""What a run does when locked Debian packages are gone: it locks them anew for itself, or refuses."""

from __future__ import annotations

from dataclasses import replace

import anyio

from ci.catalog.stack import Stack
from ci.errors import LockError, UnavailableError
from ci.locks.relock import relock
from ci.run.workspace.file_lock import file_lock
from ci.run.workspace.workspace import Workspace

REFUSED = (
    "`--frozen` builds what the locks name and nothing else. Run `dockwright lock`, look at what moved, "
    "and commit it; or build from a folder of `dockwright wheelhouse --export` that still has them"
)


async def relocked(
    workspace: Workspace, gone: UnavailableError, *, frozen: bool
) -> tuple[Workspace, tuple[str, ...]]:
    """Return `workspace` with Debian packages that can be had, and what to tell the user, a line each.

    The checkout stays as it is. With `frozen` nothing is locked anew.

    Raises:
        LockError: it is refused, a mirror does not answer, or its lists name what is gone all the same.
    """
    if frozen:
        raise LockError(f"{gone.what}\n{REFUSED}") from gone
    settings, apt = workspace.settings, workspace.state.root / "apt"
    lock = workspace.state.root / "locks" / "apt.lock"
    lock.parent.mkdir(parents=True, exist_ok=True)

    def resolve() -> tuple[Stack, tuple[str, ...]]:
        return relock(
            workspace.directory,
            workspace.stack,
            apt=apt,
            mirror=settings.debian_mirror,
            security_mirror=settings.security_mirror,
        )

    async with file_lock(lock):
        stack, moved = await anyio.to_thread.run_sync(resolve)
    if not moved:
        raise LockError(
            f"{gone.what}\nThe mirror's own lists still name them, so there is nothing else to lock: it is "
            "being updated, or it is broken. Try again in an hour, or set another one with "
            "DOCKWRIGHT_DEBIAN_MIRROR"
        ) from gone
    said = (
        f"LOCKED ANEW FOR THIS RUN: the mirror no longer has {', '.join(gone.files)}",
        *moved,
        "what is built now has other keys than the checkout says; run `dockwright lock` and commit the locks",
    )
    return replace(workspace, stack=stack), said
