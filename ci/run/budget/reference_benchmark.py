"""The reference benchmark: the same work on one core of each machine. Build times are its multiples."""

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
"""What is done, in order. If it changes, results are measured again."""
CPU_INFO = Path("/proc/cpuinfo")


def reference_benchmark_s(
    state: State, *, cpu: str, say: Callable[[str], None], work: Callable[[], None]
) -> float:
    """Return the processor seconds in user mode of one round of `work`: the best of `ROUNDS`.

    The result is cached for this `cpu`. User mode only: time of the kernel and of other programs would change
    every later ratio.
    """
    path = state.root / "reference-benchmark.json"
    known = _known(path)
    if known.get("cpu") == cpu and known.get("work") == WORK:
        return float(known["seconds"])
    say(f"reference benchmark: {ROUNDS} rounds on one core, once for this machine")
    rounds = []
    for _ in range(ROUNDS):
        begin = _user_s()
        work()
        rounds.append(_user_s() - begin)
    seconds = round(min(rounds), 3)
    write_atomically(path, json.dumps({"cpu": cpu, "work": WORK, "seconds": seconds}, indent=1) + "\n")
    return seconds


def reference_work() -> None:
    """Do `WORK` once: hashing and compression as in the build of an image, without a disk."""
    block = _block()
    summed = hashlib.sha256()
    for _ in range(HASHED_BYTES // BLOCK_BYTES):
        summed.update(block)
    for number in range(PACKED_BYTES // BLOCK_BYTES):
        zlib.decompress(zlib.compress(block[number:] + block[:number], level=6))


def _user_s() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_utime


def _block() -> bytes:
    """Return generated data, the same everywhere, about half of which compresses."""
    made = bytearray()
    seed = b""
    while len(made) < BLOCK_BYTES:
        seed = hashlib.sha256(seed).digest()
        made += seed + seed.hex().encode()[:32]
    return bytes(made[:BLOCK_BYTES])


def cpu_model() -> str:
    """Return the model name of this machine's processor. Source: proc_cpuinfo(5)."""
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
