"""How fast this machine is: a fixed piece of work on one core, that times of building are a multiple of."""

from __future__ import annotations

import hashlib
import json
import platform
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import zstandard

from ci.run.state import State, write_whole

ROUNDS = 3
HASHED_BYTES = 128 * 2**20
COMPRESSED_BYTES = 48 * 2**20
FILES, FILE_BYTES = 2000, 2048
BLOCK_BYTES = 2**20
WORK = f"1: sha256 of {HASHED_BYTES}, zstd -3 of {COMPRESSED_BYTES}, {FILES} files of {FILE_BYTES} bytes"
"""What is done, in order; another work than this is another calibration."""
CPU_INFO = Path("/proc/cpuinfo")


def calibration_s(
    state: State, *, cpu: str, say: Callable[[str], None], work: Callable[[Path], None]
) -> float:
    """Return the CPU seconds of one round of `work` here: the best of `ROUNDS`, remembered for this `cpu`.

    It is the processor's time, since what else a machine does just now would be remembered with it.
    """
    path = state.root / "calibration.json"
    known = _known(path)
    if known.get("cpu") == cpu and known.get("work") == WORK:
        return float(known["seconds"])
    say(f"calibration: {ROUNDS} rounds of the same work on one core, once for this machine")
    rounds = []
    with tempfile.TemporaryDirectory(prefix="dockwright-calibration-") as folder:
        for number in range(ROUNDS):
            begin = time.process_time()
            work(Path(folder, str(number)))
            rounds.append(time.process_time() - begin)
    seconds = round(min(rounds), 3)
    write_whole(path, json.dumps({"cpu": cpu, "work": WORK, "seconds": seconds}, indent=1) + "\n")
    return seconds


def fixed_work(folder: Path) -> None:
    """Do `WORK` once: what building images consists of, without an engine; `folder` is made and goes."""
    block = _block()
    summed = hashlib.sha256()
    for _ in range(HASHED_BYTES // BLOCK_BYTES):
        summed.update(block)
    compressor = zstandard.ZstdCompressor(level=3).compressobj()
    for number in range(COMPRESSED_BYTES // BLOCK_BYTES):
        compressor.compress(block[number:] + block[:number])
    compressor.flush()
    folder.mkdir(parents=True)
    try:
        for number in range(FILES):
            (folder / str(number)).write_bytes(block[number : number + FILE_BYTES])
        for number in range(FILES):
            (folder / str(number)).read_bytes()
    finally:
        shutil.rmtree(folder)


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
