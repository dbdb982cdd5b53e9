"""The class of a machine: what programs that ran on one of them can rely on on another. Pure."""

from __future__ import annotations

import re
from pathlib import Path

CPUINFO = Path("/proc/cpuinfo")

LEVELS = {
    "v2": {"cx16", "lahf_lm", "popcnt", "sse4_1", "sse4_2", "ssse3"},
    "v3": {"avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "abm", "movbe", "xsave"},
    "v4": {"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"},
}
"""What each level adds, in the words of /proc/cpuinfo. Source: x86-64 psABI, Micro-Architecture Levels."""


CLASSES = ("x86-64-v3", "x86-64-v4", "x86-64-v2", "x86-64", "unknown")
"""All classes of machines without a GPU, the most frequent one first."""


def machine_class(cpuinfo: str) -> str:
    """Return the class of a machine by its /proc/cpuinfo: `x86-64-v3`; `unknown` where that says nothing."""
    found = re.search(r"^flags\s*:\s*(.*)$", cpuinfo, re.MULTILINE)
    if found is None:
        return "unknown"
    flags, level = set(found[1].split()), "x86-64"
    for name, needed in LEVELS.items():
        if not needed <= flags:
            break
        level = f"x86-64-{name}"
    return level


def gpu_class(machine: str, capability: str, driver: str) -> str:
    """Return the class of a machine with a GPU of this compute capability (`9.0`) and driver (`570.86`)."""
    return f"{machine}-sm{capability.replace('.', '')}-r{driver.partition('.')[0]}"
