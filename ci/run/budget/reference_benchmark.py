"""How fast this machine is: a fixed piece of work on one core, that times of building are a multiple of."""

from __future__ import annotations

import hashlib
import json
import platform
import resource
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ci.run.workspace.state import State
from ci.wheelhouse.program.atomic_write import write_atomically

ROUNDS = 3
HASHED_BYTES = 256 * 2**20
PACKED_BYTES = 16 * 2**20
BLOCK_BYTES = 2**20
WORK = f"2: sha256 of {HASHED_BYTES} bytes, deflate -6 and inflate of {PACKED_BYTES}"
"""What is done, in order; another work than this is another calibration."""
CPU_INFO = Path("/proc/cpuinfo")


def reference_benchmark_s(
    state: State, *, cpu: str, say: Callable[[str], None], work: Callable[[], None]
) -> float:
    """Return the seconds in user mode of one round of `work` here: the best of `ROUNDS`.

    They are remembered for this `cpu`. What the kernel and other programs do meanwhile is not in them, or it
    would be in every later ratio.
    """
    path = state.root / "calibration.json"
    known = _known(path)
    if known.get("cpu") == cpu and known.get("work") == WORK:
        return float(known["seconds"])
    say(f"calibration: {ROUNDS} rounds of the same work on one core, once for this machine")
    rounds = []
    for _ in range(ROUNDS):
        begin = _user_s()
        work()
        rounds.append(_user_s() - begin)
    seconds = round(min(rounds), 3)
    write_atomically(path, json.dumps({"cpu": cpu, "work": WORK, "seconds": seconds}, indent=1) + "\n")
    return seconds


def fixed_work() -> None:
    """Do `WORK` once: what programs do most of while an image is built, without a disk."""
    block = _block()
    summed = hashlib.sha256()
    for _ in range(HASHED_BYTES // BLOCK_BYTES):
        summed.update(block)
    for number in range(PACKED_BYTES // BLOCK_BYTES):
        zlib.decompress(zlib.compress(block[number:] + block[:number], level=6))


def _user_s() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_utime


def _block() -> bytes:
    """Return made-up data, the same everywhere, about half of which compresses."""
    made = bytearray()
    seed = b""
    while len(made) < BLOCK_BYTES:
        seed = hashlib.sha256(seed).digest()
        made += seed + seed.hex().encode()[:32]
    return bytes(made[:BLOCK_BYTES])


def cpu_model() -> str:
    """Return what this machine's processor calls itself. Source: proc_cpuinfo(5)."""
    try:
        lines = CPU_INFO.read_text(errors="replace").splitlines()
    except OSError:
        lines = []
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.processor() or platform.machine()


def _known(path: Path) -> dict[str, Any]:
    try:
        value: dict[str, Any] = json.loads(path.read_text())
        return value if float(value["seconds"]) > 0 else {}
    except (OSError, ValueError, KeyError, TypeError):
        return {}
