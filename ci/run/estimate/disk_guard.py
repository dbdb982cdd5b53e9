"""Watch the disks during a run: a task starts if it fits, a full disk ends the run, the peak is recorded."""

from __future__ import annotations

import errno
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager

import anyio

from ci.errors import CommandError, DiskError, DiskFullError
from ci.report.events import DiskUsed, EventSink
from ci.report.units import size_text
from ci.run.estimate.file_system import FileSystem
from ci.run.estimate.needs import TaskNeed
from ci.run.tasks.task import Task, Work, WorkResult

PERIOD_S = 1.0
"""The time between two samples; statvfs(3) only asks the kernel and takes microseconds."""
FULL = re.compile("no space left on device|disk quota exceeded", re.IGNORECASE)
ADVICE = "free some space (`dockwright gc` lists what can be removed), or use another disk with `--root DIR`"


class DiskGuard:
    """Watches the file systems that `inspect` returns, for one run.

    A task starts if its own need fits in addition to what running tasks still need and `floor_bytes`; else
    it waits while others run. If less than `floor_bytes` are free, all running tasks are cancelled. If
    `trusting` is false the needs are ignored, and only the floor counts.
    """

    def __init__(
        self,
        inspect: Callable[[], Iterable[FileSystem]],
        needs: Mapping[str, TaskNeed],
        *,
        floor_bytes: int,
        events: EventSink,
        trusting: bool = True,
    ) -> None:
        self._inspect, self._floor_bytes, self._events = inspect, floor_bytes, events
        self._needs = needs if trusting else {}
        self._seen = tuple(inspect())
        self._used_at_start = {system.device: system.used_bytes for system in self._seen}
        self._peak_bytes = 0
        self._lowest_bytes = min((system.free_bytes for system in self._seen), default=0)
        self._running: dict[str, tuple[TaskNeed, dict[int, int]]] = {}
        self._scopes: dict[str, anyio.CancelScope] = {}
        self._changed = anyio.Event()
        self._full = ""

    async def watch(self) -> None:
        """Take a sample every `PERIOD_S` until cancelled; then emit the result."""
        try:
            while True:
                self.sample()
                await anyio.sleep(PERIOD_S)
        finally:
            self.sample()
            self._events.emit(
                DiskUsed(
                    peak_bytes=self._peak_bytes,
                    lowest_free_bytes=self._lowest_bytes,
                    paths=tuple(str(system.path) for system in self._seen),
                )
            )

    def sample(self) -> None:
        """Take a sample; cancel the running tasks if a disk is full."""
        self._seen = tuple(self._inspect())
        # What others free on one file system must not hide what grew on another.
        grown = sum(
            max(0, system.used_bytes - self._used_at_start.get(system.device, system.used_bytes))
            for system in self._seen
        )
        self._peak_bytes = max(self._peak_bytes, grown)
        for system in self._seen:
            self._lowest_bytes = min(self._lowest_bytes, system.free_bytes)
            if system.free_bytes < self._floor_bytes:
                self._stop(
                    f"the disk at {system.text} is full: {size_text(system.free_bytes)} are free, and "
                    f"{size_text(self._floor_bytes)} have to stay free (DOCKWRIGHT_DISK_FLOOR_MB)"
                )

    def guarded(self, work: Work) -> Work:
        """Return `work` that waits for free space, and that is cancelled if a disk is full.

        It raises DiskError if a task does not fit although nothing else runs, and DiskFullError if a disk is
        full.
        """

        async def do(task: Task) -> WorkResult:
            await self._wait_for_space(task)
            with self._running_task(task) as scope:
                try:
                    with scope:
                        return await work(task)
                except Exception as error:
                    if not self._full and not is_full(error):
                        raise
                    self._stop(f"{task.id}: no space left on a disk that it writes to")
                    raise DiskFullError(self._full, hint=CONTINUES) from error
            raise DiskFullError(self._full, hint=CONTINUES)

        return do

    async def _wait_for_space(self, task: Task) -> None:
        need = self._needs.get(task.id)
        while True:
            self.sample()
            if self._full:
                raise DiskFullError(self._full, hint=CONTINUES)
            short = self._short(need) if need is not None else None
            if short is None:
                return
            if not self._running:
                system, bytes_ = short
                raise DiskError(
                    f"{task.id} needs about {size_text(bytes_)}, and {size_text(system.free_bytes)} are free "
                    f"at {system.text}",
                    hint=f"{ADVICE}; to start it anyway, add `--ignore-disk`",
                )
            with anyio.move_on_after(PERIOD_S):
                await self._changed.wait()

    def _short(self, need: TaskNeed) -> tuple[FileSystem, int] | None:
        """Return the first file system where `need` does not fit now, and the bytes needed with the floor."""
        for system in self._seen:
            own = need.peak(system.used_for)
            if own and own + self._outstanding(system) + self._floor_bytes > system.free_bytes:
                return system, own + self._floor_bytes
        return None

    def _outstanding(self, system: FileSystem) -> int:
        """Return the bytes that running tasks will still write: their needs minus what they have written."""
        if not self._running:
            return 0
        needed = sum(need.peak(system.used_for) for need, _ in self._running.values())
        before = max(free.get(system.device, 0) for _, free in self._running.values())
        return max(0, needed - max(0, before - system.free_bytes))

    @contextmanager
    def _running_task(self, task: Task) -> Iterator[anyio.CancelScope]:
        free = {system.device: system.free_bytes for system in self._seen}
        self._running[task.id] = self._needs.get(task.id, TaskNeed(task=task.id)), free
        scope = self._scopes[task.id] = anyio.CancelScope()
        try:
            yield scope
        finally:
            del self._running[task.id], self._scopes[task.id]
            self._notify()

    def _stop(self, reason: str) -> None:
        if not self._full:
            self._full = reason
        for scope in self._scopes.values():
            scope.cancel()
        self._notify()

    def _notify(self) -> None:
        self._changed.set()
        self._changed = anyio.Event()


CONTINUES = f"{ADVICE}; then repeat the command: finished tasks are not repeated"


def is_full(error: BaseException) -> bool:
    """Return whether `error`, or its cause, is a full disk."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, BaseExceptionGroup) and any(is_full(inner) for inner in seen.exceptions):
            return True
        if isinstance(seen, OSError) and seen.errno in (errno.ENOSPC, errno.EDQUOT):
            return True
        if isinstance(seen, CommandError) and FULL.search(seen.tail):
            return True
        seen = seen.__cause__ or seen.__context__
    return False
