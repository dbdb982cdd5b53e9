"""The orphan processes of a stale run: those with its run marker in their environment, and their children.

Most end with the run itself (see ci/engines/process/namespaces.py); those that were started through sudo, or
on a machine without PID namespaces, are found here.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Collection, Mapping
from pathlib import Path

import anyio

from ci.engines.process.command import Command
from ci.engines.process.runner import RUN_VARIABLE, Runner
from ci.errors import CommandError

PROC = Path("/proc")
GONE_S = 5.0
POLL_S = 0.05


def processes(proc: Path = PROC) -> dict[int, int]:
    """Return the parent of every process, by process id, but of those that are only waited for.

    Source: proc(5), /proc/PID/stat: the command in parentheses may hold any sign, a space too.
    """
    parents = {}
    for folder in proc.iterdir():
        if not folder.name.isdigit():
            continue
        try:
            text = (folder / "stat").read_text(errors="replace")
        except OSError:
            continue
        state, parent = text.rpartition(")")[2].split()[:2]
        if state != "Z":
            parents[int(folder.name)] = int(parent)
    return parents


def with_children(pids: Collection[int], parents: Mapping[int, int]) -> set[int]:
    """Return `pids` and all that descends from them."""
    found = set(pids)
    while True:
        more = {pid for pid, parent in parents.items() if parent in found} - found
        if not more:
            return found
        found |= more


async def processes_of(
    markers: Collection[str], runner: Runner, privilege: tuple[str, ...], proc: Path = PROC
) -> set[int]:
    """Return the processes whose environment has one of `markers`; `privilege` is used where it is needed."""
    wanted = {f"{RUN_VARIABLE}={marker}".encode() for marker in markers}
    found, unreadable = set(), []
    for pid in processes(proc):
        path = proc / str(pid) / "environ"
        try:
            if wanted & set(path.read_bytes().split(b"\0")):
                found.add(pid)
        except PermissionError:
            unreadable.append(str(path))
        except OSError:
            continue
    if privilege and unreadable:
        words = [word for marker in markers for word in ("-e", f"{RUN_VARIABLE}={marker}")]
        argv = ("grep", "-lzsxF", *words, "--", *unreadable)
        found |= {int(Path(line).parent.name) for line in (await _lines(runner, argv, privilege))}
    return found


async def end_processes(markers: Collection[str], runner: Runner, privilege: tuple[str, ...]) -> int:
    """Kill the processes of the runs with these markers, wait for their end, and return their number."""
    pids = with_children(await processes_of(markers, runner, privilege), processes())
    foreign = []
    for pid in sorted(pids):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
        except PermissionError:
            foreign.append(str(pid))
    if foreign and privilege:
        await _lines(runner, ("kill", "-KILL", *foreign), privilege)
    with anyio.move_on_after(GONE_S):
        while pids & set(processes()):  # noqa: ASYNC110 the kernel tells nobody but their parents
            await anyio.sleep(POLL_S)
    return len(pids)


async def _lines(runner: Runner, argv: tuple[str, ...], privilege: tuple[str, ...]) -> list[str]:
    """Return what a command prints; it is no failure that some of its files have gone meanwhile."""
    try:
        return (await runner.run(Command(argv=argv).privileged(privilege))).splitlines()
    except CommandError as error:
        return [line for line in error.tail.splitlines() if line.startswith(str(PROC))]
