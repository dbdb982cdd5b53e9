"""Debian locks made again for one run, because a mirror no longer has what they name; no file is written."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

from ci.catalog.image import APT_LOCK
from ci.catalog.load import BOOTSTRAP_LOCK, WHEELHOUSE_APT_LOCK
from ci.catalog.lockfile import parse_apt_lock
from ci.catalog.stack import DebLine, Stack
from ci.locks.apt_root import MINIMAL, AptRoot
from ci.locks.request import apt_requests
from ci.locks.texts import NewLock, apt_locks


def relock(
    directory: Path,
    stack: Stack,
    *,
    apt: Path,
    mirror: str,
    security_mirror: str,
    warn: Callable[[str], None] = lambda _: None,
) -> tuple[Stack, tuple[str, ...]]:
    """Return `stack` with Debian packages that the mirrors have now, and what moved, a line per lock.

    A pin stays where a mirror still lists it. `apt` is the folder of apt's package lists.

    Raises:
        LockError: a mirror does not answer, or something can't be installed any more.
    """
    requests = apt_requests(directory, stack)
    pins = {line.name: line for request in requests for line in request.old}
    root = AptRoot(
        apt,
        stack.bootstrap.suite,
        mirror=mirror,
        security_mirror=security_mirror,
        pins=pins.values(),
        warn=warn,
    )
    root.update()
    locks = apt_locks(requests, BOOTSTRAP_LOCK, MINIMAL, root.resolve)
    moved = tuple(f"{lock.path}: {', '.join(lock.moves)}" for lock in locks if lock.moves)
    return with_debian_locks(stack, locks), moved


def with_debian_locks(stack: Stack, locks: Iterable[NewLock]) -> Stack:
    """Return `stack` with the lines of these locks instead of its own."""
    lines: dict[str, tuple[DebLine, ...]] = {lock.path: parse_apt_lock(lock.text).lines for lock in locks}
    images = tuple(
        replace(image, apt_lock=lines.get(f"{image.folder}/{APT_LOCK}", image.apt_lock))
        for image in stack.images
    )
    bootstrap = replace(stack.bootstrap, lock=lines.get(BOOTSTRAP_LOCK, stack.bootstrap.lock))
    builder = replace(stack.builder, apt_lock=lines.get(WHEELHOUSE_APT_LOCK, stack.builder.apt_lock))
    return replace(stack, images=images, bootstrap=bootstrap, builder=builder)
