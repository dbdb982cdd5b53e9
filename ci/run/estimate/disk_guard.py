"""Looks at the disks while a run goes on: what fits may start, a full disk ends the run, the peak is kept."""

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
"""Between two looks; statvfs(3) asks the kernel alone and takes microseconds."""
FULL = re.compile("no space left on device|disk quota exceeded", re.IGNORECASE)
ADVICE = "make room (`dockwright gc` says what can go), or put it elsewhere with `--root DIR`"


class DiskGuard:
    """Watches the file systems that `look` returns for one run.

    A task starts when its own need fits beside what the running ones still need, and `floor_bytes`; it waits
    while others run. With less than `floor_bytes` left, everything that runs is ended. Where `trusting` is
    false the needs say nothing, and only the floor counts.
    """

    def __init__(
        self,
        look: Callable[[], Iterable[FileSystem]],
        needs: Mapping[str, TaskNeed],
        *,
        floor_bytes: int,
        events: EventSink,
        trusting: bool = True,
    ) -> None:
        self._look, self._floor_bytes, self._events = look, floor_bytes, events
        self._needs = needs if trusting else {}
        self._seen = tuple(look())
        self._used_at_start = {system.device: system.used_bytes for system in self._seen}
        self._peak_bytes = 0
        self._lowest_bytes = min((system.free_bytes for system in self._seen), default=0)
        self._running: dict[str, tuple[TaskNeed, dict[int, int]]] = {}
        self._scopes: dict[str, anyio.CancelScope] = {}
        self._changed = anyio.Event()
        self._full = ""

    async def watch(self) -> None:
        """Look every `PERIOD_S`, until cancelled; then say what was seen."""
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
        """Look once; end what runs when a disk is full."""
        self._seen = tuple(self._look())
        grown = sum(
            system.used_bytes - self._used_at_start.get(system.device, system.used_bytes)
            for system in self._seen
        )
        self._peak_bytes = max(self._peak_bytes, grown)
        for system in self._seen:
            self._lowest_bytes = min(self._lowest_bytes, system.free_bytes)
            if system.free_bytes < self._floor_bytes:
                self._stop(
                    f"disk full at {system.text}: {size_text(system.free_bytes)} left, and "
                    f"{size_text(self._floor_bytes)} are to stay free (DOCKWRIGHT_DISK_FLOOR_MB). {STAYS}"
                )

    def guarded(self, work: Work) -> Work:
        """Return `work` that waits for room, and that ends when a disk is full.

        It raises DiskError where the room for a task is not there though nothing else runs, and DiskFullError
        once a disk is full.
        """

        async def do(task: Task) -> WorkResult:
            await self._room(task)
            with self._running_task(task) as scope:
                try:
                    with scope:
                        return await work(task)
                except Exception as error:
                    if not self._full and not is_full(error):
                        raise
                    self._stop(f"{task.id}: no space left on a disk that it writes to. {STAYS}")
                    raise DiskFullError(self._full) from error
            raise DiskFullError(self._full)

        return do

    async def _room(self, task: Task) -> None:
        need = self._needs.get(task.id)
        while True:
            self.sample()
            if self._full:
                raise DiskFullError(self._full)
            short = self._short(need) if need is not None else None
            if short is None:
                return
            if not self._running:
                system, bytes_ = short
                raise DiskError(
                    f"{task.id} needs about {size_text(bytes_)}, and {size_text(system.free_bytes)} are free "
                    f"at {system.text}; {ADVICE}. `--ignore-disk` starts it all the same"
                )
            with anyio.move_on_after(PERIOD_S):
                await self._changed.wait()

    def _short(self, need: TaskNeed) -> tuple[FileSystem, int] | None:
        """Return the first file system on which `need` does not fit now, and what it takes with the floor."""
        for system in self._seen:
            own = need.peak(system.holds)
            if own and own + self._outstanding(system) + self._floor_bytes > system.free_bytes:
                return system, own + self._floor_bytes
        return None

    def _outstanding(self, system: FileSystem) -> int:
        """Return what the running tasks are still expected to write: their needs less what was written."""
        if not self._running:
            return 0
        needed = sum(need.peak(system.holds) for need, _ in self._running.values())
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
            self._tell()

    def _stop(self, why: str) -> None:
        if not self._full:
            self._full = why
        for scope in self._scopes.values():
            scope.cancel()
        self._tell()

    def _tell(self) -> None:
        self._changed.set()
        self._changed = anyio.Event()


STAYS = f"What was finished stays, and the next run goes on from there: {ADVICE}"


def is_full(error: BaseException) -> bool:
    """Return whether `error`, or what caused it, is a disk without room."""
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
