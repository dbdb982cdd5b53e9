"""All locks of a stack as texts, and the differences between two of them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from ci.catalog.lockfile import apt_lock_text, python_lock_text
from ci.catalog.stack import DebLine, LockLine, Stack
from ci.errors import LockError
from ci.locks.deltas import Resolver, python_deltas
from ci.locks.request import AptRequest, PythonRequest

Debs = tuple[DebLine, ...]
DebResolver = Callable[[Sequence[str], Iterable[DebLine]], Debs]
"""Returns what packages add to the installed ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewLock:
    """A lock as it should be at `path` in the stack; `moves` are the changes of its pins."""

    path: str
    text: str
    moves: tuple[str, ...]


def python_locks(
    stack: Stack,
    requests: Sequence[PythonRequest],
    variants: Collection[str],
    movable: Callable[[str], bool],
    resolve: Resolver,
) -> tuple[NewLock, ...]:
    """Return the Python locks of `variants` and of the builder; see `python_deltas`."""
    found = python_deltas(stack, requests, variants, movable, resolve)
    locks = []
    for request in requests:
        if request.lock in found:
            lines = found[request.lock]
            text = python_lock_text(lines, request.inputs, request.title)
            locks.append(NewLock(path=request.lock, text=text, moves=moves(request.old, lines)))
    return tuple(locks)


def apt_locks(
    requests: Sequence[AptRequest], bootstrap: str, minimal: Sequence[str], resolve: DebResolver
) -> tuple[NewLock, ...]:
    """Return the Debian locks: the one at `bootstrap` is complete, others have what a minimal Debian lacks.

    `minimal` are the arguments that name a minimal Debian. What the bootstrap base adds to it does not
    count as present, so that the other locks are valid on any Debian base of the suite.
    """
    present = resolve(minimal, ())
    found: dict[str, Debs] = {}
    locks = []
    for request in requests:
        whole = request.lock == bootstrap
        below = tuple(line for lock in request.ancestors for line in found[lock])
        try:
            lines = (
                resolve((*minimal, *request.packages), ())
                if whole
                else resolve(request.packages, (*present, *below))
            )
        except LockError as error:
            raise LockError(f"{request.source}: {error.message}", hint=error.hint) from error
        if whole:
            title = "Debian packages of the bootstrap base, all of them."
        else:
            title = f"Debian packages that {', '.join(request.packages)} bring to a minimal Debian"
            title += " and the images below." if request.ancestors else "."
        found[request.lock] = lines
        text = apt_lock_text(lines, request.inputs, title)
        locks.append(NewLock(path=request.lock, text=text, moves=moves(request.old, lines)))
    return tuple(locks)


def moves(old: Iterable[LockLine | DebLine], new: Iterable[LockLine | DebLine]) -> tuple[str, ...]:
    """Return how pins moved, sorted by name: `a 1 -> 2`, `+ b 1`, `- c 1`."""
    before: Mapping[str, LockLine | DebLine] = {line.name: line for line in old}
    after: Mapping[str, LockLine | DebLine] = {line.name: line for line in new}
    found = []
    for name in sorted({*before, *after}):
        if name not in after:
            found.append(f"- {name} {before[name].version}")
        elif name not in before:
            found.append(f"+ {name} {after[name].version}")
        elif before[name].version != after[name].version:
            found.append(f"{name} {before[name].version} -> {after[name].version}")
        elif before[name].sha256 != after[name].sha256:
            found.append(f"{name} {before[name].version}, another file")
    return tuple(found)
