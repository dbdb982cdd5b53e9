"""The reference benchmark: the same work on one core of each machine. Build times are its multiples."""

from __future__ import annotations

import hashlib
import json
import platform
import resource
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, Field, TypeAdapter

from ci.run.workspace.state import State
from ci.run.workspace.state_file import read_state, write_state

ROUNDS = 3
HASHED_BYTES = 256 * 2**20
PACKED_BYTES = 16 * 2**20
BLOCK_BYTES = 2**20
WORK = f"2: sha256 of {HASHED_BYTES} bytes, deflate -6 and inflate of {PACKED_BYTES}"
"""What is done, in order. If it changes, results are measured again."""
CPU_INFO = Path("/proc/cpuinfo")


class _Known(BaseModel):
    cpu: str
    work: str
    seconds: Annotated[float, Field(gt=0, allow_inf_nan=False)]


_KNOWN = TypeAdapter(_Known)


def reference_benchmark_s(
    state: State, *, cpu: str, say: Callable[[str], None], work: Callable[[], None]
) -> float:
    """Return the processor seconds in user mode of one round of `work`: the best of `ROUNDS`.

    The result is cached for this `cpu`. User mode only: time of the kernel and of other programs would change
    every later ratio.
    """
    path = state.root / "reference-benchmark.json"
    known = read_state(path, _KNOWN, state.warn)
    if known is not None and (known.cpu, known.work) == (cpu, WORK):
        return known.seconds
    say(f"reference benchmark: {ROUNDS} rounds on one core, once for this machine")
    rounds = []
    for _ in range(ROUNDS):
        begin = _user_s()
        work()
        rounds.append(_user_s() - begin)
    seconds = round(min(rounds), 3)
    text = json.dumps({"cpu": cpu, "work": WORK, "seconds": seconds}, indent=1)
    write_state(path, text + "\n", state.warn)
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
