"""Makes and writes all locks of a stack."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from difflib import get_close_matches
from functools import partial
from pathlib import Path

from ci.catalog.image import APT_LOCK
from ci.catalog.load import BASES_LOCK, BOOTSTRAP_LOCK
from ci.catalog.lockfile import normalised_name
from ci.catalog.stack import DebLine, Stack
from ci.catalog.validation_errors import suggestion
from ci.errors import UsageError
from ci.locks.apt_root import MINIMAL, AptRoot
from ci.locks.base_digests import refresh_digests
from ci.locks.loading import PYTHON_LOCKS, load_unlocked
from ci.locks.request import AptRequest, PythonRequest, apt_requests, python_requests
from ci.locks.texts import NewLock, apt_locks, python_locks
from ci.locks.uv import resolve
from ci.wheelhouse.program.atomic_write import write_atomically

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class AptSource:
    """Where Debian packages are looked up: the mirrors, and the folder `cache` for their package lists."""

    cache: Path
    mirror: str
    security_mirror: str
    alone: Callable[[], AbstractContextManager[object]] = nullcontext
    """Keeps other processes from `cache` for as long as it is used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Upgrade:
    """Which pins may move though they still fit: `everything`, or those of `names`."""

    everything: bool = False
    names: tuple[str, ...] = ()

    def moves(self, name: str) -> bool:
        """Whether the pin of the distribution or Debian package `name` may move."""
        return self.everything or name in self.names


def write_locks(
    directory: Path,
    *,
    variants: Sequence[str],
    upgrade: Upgrade,
    apt: AptSource,
    say: Say,
) -> bool:
    """Make the locks of `variants` (all if empty), Debian's and the digests; return whether a file changed.

    Pins stay where they still fit, unless `upgrade` moves them. Nothing is written before every lock is
    resolved. Progress and changes are reported through `say`.

    Raises:
        CatalogError: the stack has other errors than in its locks.
        UsageError: there is no such variant, or no lock pins a package that is to be upgraded.
        LockError: requirements can't be resolved, or an index or mirror can't be reached.
    """
    with _alone(directory, say):
        return _write_locks(directory, variants, upgrade, apt, say)


def _write_locks(
    directory: Path, variants: Sequence[str], upgrade: Upgrade, apt: AptSource, say: Say
) -> bool:
    stack = load_unlocked(directory)
    for variant in variants:
        if variant not in stack.variants:
            raise UsageError(f"no variant {variant!r}", hint=suggestion(variant, stack.variants))
    pythons, debs = python_requests(directory, stack), apt_requests(directory, stack)
    upgrade = _known(upgrade, pythons, debs)
    chosen = variants or stack.variants
    say(f"resolving Python packages of {', '.join(chosen)}")
    warn = _once(say)
    locks = python_locks(stack, pythons, chosen, upgrade.moves, partial(resolve, warn=warn))
    say(f"resolving Debian packages of {stack.bootstrap.suite}")
    root = AptRoot(
        apt.cache,
        stack.bootstrap.suite,
        mirror=apt.mirror,
        security_mirror=apt.security_mirror,
        pins=_pins(debs, upgrade),
        warn=lambda text: warn(f"apt ({stack.bootstrap.suite}): {text}"),
    )
    with apt.alone():
        root.update()
        locks += apt_locks(debs, BOOTSTRAP_LOCK, MINIMAL, root.resolve)
    changed = [_write(directory, lock, say) for lock in locks]
    expected = {request.lock for request in pythons} | {request.lock for request in debs}
    changed += [_remove(directory, path, say) for path in _orphans(directory, stack, expected)]
    before = (directory / BASES_LOCK).read_bytes()
    for line in refresh_digests(directory, stack.external_bases, upgrade.everything):
        say(line)
    return any(changed) or (directory / BASES_LOCK).read_bytes() != before


@contextmanager
def _alone(directory: Path, say: Say) -> Iterator[None]:
    """Make the locks of a stack directory while no other process does. Source: flock(2), on the directory."""
    if sys.platform == "win32" or not directory.is_dir():
        yield
        return
    import fcntl

    descriptor = os.open(directory, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"waiting: another process makes the locks of {directory}")
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _once(say: Say) -> Say:
    """Return what reports each warning once."""
    shown: set[str] = set()

    def warn(text: str) -> None:
        if text not in shown:
            shown.add(text)
            say(f"warning: {text}")

    return warn


def _known(upgrade: Upgrade, pythons: Sequence[PythonRequest], debs: Sequence[AptRequest]) -> Upgrade:
    """Return `upgrade` with the names as locks spell them."""
    pinned = {line.name for python in pythons for line in python.old}
    pinned |= {line.name for deb in debs for line in deb.old}
    names = []
    for name in upgrade.names:
        found = name if name in pinned else normalised_name(name)
        if found not in pinned:
            close = get_close_matches(found, pinned, n=1)
            hint = f"did you mean '{close[0]}'?" if close else "the locks list all packages that are pinned"
            raise UsageError(f"no lock pins {name!r}", hint=hint)
        names.append(found)
    return Upgrade(everything=upgrade.everything, names=tuple(names))


def _pins(debs: Sequence[AptRequest], upgrade: Upgrade) -> Iterable[DebLine]:
    pins = {line.name: line for deb in debs for line in deb.old if not upgrade.moves(line.name)}
    return pins.values()


def _orphans(directory: Path, stack: Stack, expected: set[str]) -> list[str]:
    """Return locks in images' folders that no longer have requirements, such as after a renamed input."""
    found = []
    for folder in sorted({image.folder for image in stack.images}):
        for pattern in (PYTHON_LOCKS, APT_LOCK):
            found += [f"{folder}/{path.name}" for path in sorted((directory / folder).glob(pattern))]
    return [path for path in found if path not in expected]


def _write(directory: Path, lock: NewLock, say: Say) -> bool:
    file = directory / lock.path
    if file.is_file() and file.read_bytes() == lock.text.encode():
        return False
    write_atomically(file, lock.text)
    shown = ", ".join(lock.moves[:8]) + (f" and {len(lock.moves) - 8} more" if len(lock.moves) > 8 else "")
    say(f"{lock.path}: {shown or 'the same pins'}")
    return True


def _remove(directory: Path, path: str, say: Say) -> bool:
    (directory / path).unlink()
    say(f"{path}: removed, since it has no requirements any more")
    return True
