"""What runs that were killed left on this machine, removed by the next run, and by a run after itself.

That is, of the runs of this state directory alone: processes, working containers, temporary folders and
unfinished files. What a living run owns, and what is foreign in a shared store, is never touched.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
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
    """How much of each kind was removed."""

    processes: int = 0
    containers: int = 0
    folders: int = 0
    files: int = 0

    def __str__(self) -> str:
        """Return the kinds of which there were some, as words."""
        counts = {
            "process": self.processes,
            "working container": self.containers,
            "temporary folder": self.folders,
            "unfinished file": self.files,
        }
        plural = {"process": "processes"}
        words = [f"{n} {plural.get(kind, kind + 's') if n > 1 else kind}" for kind, n in counts.items() if n]
        return ", ".join(words) or "nothing was left"


@asynccontextmanager
async def registered_run(
    workspace: Workspace, engine: Engine, *, note: Callable[[str], None], warn: Callable[[str], None]
) -> AsyncIterator[tuple[Workspace, Engine]]:
    """Be a living run inside: give the workspace and the engine that mark what they start as this run's.

    What dead runs left is removed first, and told in one line; what this run leaves, at its end. Neither ever
    fails a run: what can't be removed is a warning, and the next run tries again.
    """
    state = workspace.state.root
    with live(state, now=datetime.now().astimezone()) as life:
        with stale_runs(state) as lives:
            if lives:
                await _clear_dead(workspace, engine, lives, note, warn)
        own = workspace.for_run(life)
        own.scratch.mkdir(parents=True, exist_ok=True)
        untouched = own.scratch.stat().st_mtime_ns
        marked = engine.for_run(life.path, own.scratch)
        try:
            yield own, marked
        finally:
            with anyio.CancelScope(shield=True):
                if _changed(own.scratch, untouched):
                    await _clear_own(own, marked, life, warn)
                with suppress(OSError):
                    own.scratch.rmdir()


def _changed(folder: Path, before_ns: int) -> bool:
    """Whether anything was put into `folder`; `gc --all` removes it with the whole state."""
    try:
        return folder.stat().st_mtime_ns != before_ns
    except FileNotFoundError:
        return False


async def _clear_dead(
    workspace: Workspace,
    engine: Engine,
    lives: Sequence[RunMarker],
    note: Callable[[str], None],
    warn: Callable[[str], None],
) -> None:
    try:
        removed = await _remove(workspace, engine, lives, processes=True)
    except DockwrightError as error:
        warn(f"what killed runs left can't be removed; the next run tries again: {error}")
        return
    for life in lives:
        life.path.unlink(missing_ok=True)
    started = ", ".join(life.started for life in lives)
    note(f"cleaned up after {len(lives)} killed run{'s' * (len(lives) > 1)} (of {started}): {removed}")


async def _clear_own(
    workspace: Workspace, engine: Engine, life: RunMarker, warn: Callable[[str], None]
) -> None:
    try:
        await _remove(workspace, engine, [life], processes=False)
    except DockwrightError as error:
        warn(f"what this run left can't be removed; the next run tries again: {error}")


async def _remove(
    workspace: Workspace, engine: Engine, lives: Sequence[RunMarker], *, processes: bool
) -> Removed:
    prefix = engine.privilege.prefix
    # a rootless user's own processes are in namespaces that only the user itself sees into
    to_kill = () if engine.privilege.rootless else prefix
    marks = [life.path for life in lives]
    ended = 0
    if processes:
        ended = await end_processes([str(mark) for mark in marks], workspace.runner, to_kill)
    containers = await engine.remove_stale_containers(marks)
    if workspace.settings.isolation == "oci":
        for life in lives:
            await forget_containers(workspace.scratch_of(life), workspace.runner, prefix)
    folders = [await remove_folder(workspace.scratch_of(life), workspace.runner, prefix) for life in lives]
    files = unfinished_files(workspace.state.root, {life.pid for life in lives}) if processes else []
    for path in files:
        path.unlink(missing_ok=True)
    return Removed(processes=ended, containers=containers, folders=sum(folders), files=len(files))


def unfinished_files(state: Path, pids: set[int]) -> list[Path]:
    """Return the files that those processes had not written to their end; see `write_atomically`."""
    places = (state, state / "input-documents", *(state / "images").glob("*"))
    return [path for place in places for pid in sorted(pids) for path in place.glob(f".*.{pid}")]
