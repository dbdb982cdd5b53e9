"""What runs that were killed left on this machine, removed by the next run, and by a run after itself.

That is, of the runs of this state directory alone: processes, working containers, temporary folders and
unfinished files. What a live run owns, and what is foreign in a shared store, is never touched.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import anyio

from ci.engines.engine import Engine
from ci.errors import DockwrightError
from ci.run.cleanup.folders import forget_containers, remove_folder
from ci.run.cleanup.processes import end_processes
from ci.run.workspace.live_runs import RunMarker, live, stale_runs
from ci.run.workspace.workspace import Workspace


@dataclass(frozen=True, slots=True, kw_only=True)
class Removed:
    """How many of each kind were removed."""

    processes: int = 0
    containers: int = 0
    folders: int = 0
    files: int = 0

    def __str__(self) -> str:
        """Return the kinds of which there were some, for a person."""
        counts = {
            "process": self.processes,
            "working container": self.containers,
            "temporary folder": self.folders,
            "unfinished file": self.files,
        }
        plural = {"process": "processes"}
        words = [f"{n} {plural.get(kind, kind + 's') if n > 1 else kind}" for kind, n in counts.items() if n]
        return ", ".join(words) or "nothing to remove"


@asynccontextmanager
async def registered_run(
    workspace: Workspace, engine: Engine, *, note: Callable[[str], None], warn: Callable[[str], None]
) -> AsyncIterator[tuple[Workspace, Engine]]:
    """Register a live run for the block; yield its workspace and its engine, with the run marker.

    Resources of stale runs are removed first, and reported in one line; those that this run leaves, at its
    end. Neither ever fails a run: what can't be removed is a warning, and the next run tries again.
    """
    state = workspace.state.root
    with live(state, now=datetime.now().astimezone()) as run:
        with stale_runs(state) as runs:
            if runs:
                await _clear_stale(workspace, engine, runs, note, warn)
        own = workspace.for_run(run)
        own.scratch.mkdir(parents=True, exist_ok=True)
        untouched = own.scratch.stat().st_mtime_ns
        own_engine = engine.for_run(run.path, own.scratch)
        try:
            yield own, own_engine
        finally:
            with anyio.CancelScope(shield=True):
                if _changed(own.scratch, untouched):
                    await _clear_own(own, own_engine, run, warn)
                with suppress(OSError):
                    own.scratch.rmdir()


async def clear_stale_runs(
    workspace: Workspace,
    opened: Callable[[Workspace], AbstractAsyncContextManager[Engine]],
    *,
    note: Callable[[str], None],
    warn: Callable[[str], None],
) -> None:
    """Remove the resources of stale runs; the engine is opened only where there are such runs.

    It never fails a run that needs no engine: why it could not be opened is a warning.
    """
    with stale_runs(workspace.state.root) as runs:
        if not runs:
            return
    try:
        async with opened(workspace) as engine, registered_run(workspace, engine, note=note, warn=warn):
            pass
    except DockwrightError as error:
        warn(f"resources of killed runs can't be removed; the next run tries again: {error.message}")


def _changed(folder: Path, before_ns: int) -> bool:
    """Whether anything was put into `folder`; it is missing where `gc --all` removed the whole state."""
    try:
        return folder.stat().st_mtime_ns != before_ns
    except FileNotFoundError:
        return False


async def _clear_stale(
    workspace: Workspace,
    engine: Engine,
    runs: Sequence[RunMarker],
    note: Callable[[str], None],
    warn: Callable[[str], None],
) -> None:
    try:
        removed = await _remove(workspace, engine, runs, processes=True)
    except DockwrightError as error:
        warn(f"resources of killed runs can't be removed; the next run tries again: {error.message}")
        return
    for run in runs:
        run.path.unlink(missing_ok=True)
    started = ", ".join(run.started for run in runs)
    note(f"cleaned up after {len(runs)} killed run{'s' * (len(runs) > 1)} (of {started}): {removed}")


async def _clear_own(
    workspace: Workspace, engine: Engine, run: RunMarker, warn: Callable[[str], None]
) -> None:
    try:
        await _remove(workspace, engine, [run], processes=False)
    except DockwrightError as error:
        warn(f"resources of this run can't be removed; the next run tries again: {error.message}")


async def _remove(
    workspace: Workspace, engine: Engine, runs: Sequence[RunMarker], *, processes: bool
) -> Removed:
    prefix = engine.privilege.prefix
    # a rootless user's own processes are in namespaces that only the user itself sees into
    to_kill = () if engine.privilege.rootless else prefix
    markers = [run.path for run in runs]
    ended = 0
    if processes:
        ended = await end_processes([str(marker) for marker in markers], workspace.runner, to_kill)
    containers = await engine.remove_stale_containers(markers)
    for run in runs:
        await forget_containers(workspace.scratch_of(run), workspace.runner, prefix)
    folders = [await remove_folder(workspace.scratch_of(run), workspace.runner, prefix) for run in runs]
    files = unfinished_files(workspace.state.root, {run.pid for run in runs}) if processes else []
    for path in files:
        path.unlink(missing_ok=True)
    return Removed(processes=ended, containers=containers, folders=sum(folders), files=len(files))


def unfinished_files(state: Path, pids: set[int]) -> list[Path]:
    """Return the files that those processes were writing when they ended; see `write_atomically`."""
    places = (state, state / "input-documents", *(state / "images").glob("*"))
    return [path for place in places for pid in sorted(pids) for path in place.glob(f".*.{pid}")]
