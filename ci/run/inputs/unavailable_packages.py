"""What a run does when an archive no longer has locked Debian packages: it locks them again, or refuses."""

from __future__ import annotations

from dataclasses import replace

import anyio

from ci.catalog.stack import Stack
from ci.errors import LockError, UnavailableError
from ci.locks.relock import relock
from ci.run.workspace.file_lock import file_lock, lock_path
from ci.run.workspace.workspace import Workspace

REFUSED = (
    "`--frozen` builds only what the locks name. Run `dockwright lock`, review what moved and commit it; or "
    "build from a folder of `dockwright wheelhouse --export` that still has the packages"
)
STILL_LISTED = (
    "the mirror is being updated, or it is broken. Try again in an hour, or set another one with "
    "DOCKWRIGHT_DEBIAN_MIRROR"
)


async def relocked(
    workspace: Workspace, unavailable: UnavailableError, *, frozen: bool
) -> tuple[Workspace, tuple[str, ...]]:
    """Return `workspace` with Debian packages that the mirrors have, and a report for the user, line by line.

    The checkout stays as it is. With `frozen` nothing is locked again.

    Raises:
        LockError: it is refused, a mirror does not answer, or its lists still name the missing packages.
    """
    if frozen:
        raise LockError(unavailable.summary, hint=REFUSED) from unavailable
    settings, apt = workspace.settings, workspace.state.root / "apt"

    warnings: list[str] = []

    def resolve() -> tuple[Stack, tuple[str, ...]]:
        return relock(
            workspace.directory,
            workspace.stack,
            apt=apt,
            mirror=settings.debian_mirror,
            security_mirror=settings.security_mirror,
            warn=warnings.append,
        )

    async with file_lock(lock_path(workspace.state.root, "apt")):
        stack, moved = await anyio.to_thread.run_sync(resolve)
    if not moved:
        what = f"{unavailable.summary}\nThe mirror still lists them, so there is nothing else to lock"
        raise LockError(what, hint=STILL_LISTED) from unavailable
    report = (
        f"LOCKED AGAIN FOR THIS RUN: the mirror no longer has {', '.join(unavailable.files)}",
        *moved,
        *(f"apt: {text}" for text in dict.fromkeys(warnings)),
        "this run builds other keys than the checkout names; run `dockwright lock` and commit the locks",
    )
    return replace(workspace, stack=stack), report
