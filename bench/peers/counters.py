"""Counters of this machine: bytes received, free disk, CPU of processes that are not our children."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

NOT_OUTSIDE = ("lo", "ifb")
"""Prefixes of interfaces that carry nothing from outside, or carry it a second time."""


def received_bytes(text: str | None = None) -> int:
    """Return what all interfaces to the outside have received since they came up.

    It counts every process of the machine, so it holds where nothing else runs. Source: proc(5), net/dev.
    """
    rows = (Path("/proc/net/dev").read_text() if text is None else text).splitlines()[2:]
    found = ((name.strip(), counts.split()) for name, _, counts in (row.partition(":") for row in rows))
    return sum(int(counts[0]) for name, counts in found if not name.startswith(NOT_OUTSIDE))


def free_bytes(folder: Path) -> int:
    """Return what is free on the file system of `folder`."""
    return os.statvfs(folder).f_bavail * os.statvfs(folder).f_frsize


def tree_cpu_s(pid: int) -> float:
    """Return the CPU seconds of a process, of all its children that ended, and of those that run."""
    return sum(map(_cpu_s, [pid, *_children(pid)]))


def _cpu_s(pid: int) -> float:
    """Return utime + stime + cutime + cstime. Source: proc(5), PID/stat, fields 14 to 17."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def _children(pid: int) -> Iterable[int]:
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            yield from map(int, path.read_text().split())
        except OSError:
            continue
