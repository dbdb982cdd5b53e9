"""Run a command and measure it."""

from __future__ import annotations

import os
import statistics
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """`seconds` of the wall, `cpu_s` of the command and all its children, `output` of both streams."""

    seconds: float
    cpu_s: float
    output: str


def measure(argv: Sequence[str], env: Mapping[str, str]) -> Measure:
    """Run `argv` to its end and return what it took.

    Raises:
        SystemExit: it failed; its output is in the message.
    """
    before = os.times()
    start = time.monotonic()
    done = subprocess.run(argv, env={**os.environ, **env}, capture_output=True, text=True, check=False)
    seconds = time.monotonic() - start
    after = os.times()
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(argv)} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}")
    cpu_s = after.children_user - before.children_user + after.children_system - before.children_system
    return Measure(seconds=seconds, cpu_s=cpu_s, output=done.stdout + done.stderr)


def spread(values: Sequence[float]) -> str:
    """Return the median and the range of several measurements, in seconds."""
    if len(values) == 1:
        return f"{values[0]:.1f} s (once)"
    return f"{statistics.median(values):.2f} s ({min(values):.2f} to {max(values):.2f}, {len(values)} times)"
