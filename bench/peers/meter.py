"""Runs the commands of one way in one round, and adds up what they took."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench.peers.counters import free_bytes, received_bytes

SAMPLE_S = 0.2
GRACE_S = 30.0
TAIL_LINES = 25


class Failed(Exception):  # noqa: N818 -- it says how a way ended, which the table tells
    """A way could not do what was asked; the message says which command and its last lines."""


@dataclass(slots=True)
class Meter:
    """Seconds, CPU seconds and bytes of all `run`s; what is done between them is not counted.

    A command is ended when the disk of `folder` has less than `floor_bytes` left, or after `limit_s`.
    `beside` returns the CPU seconds so far of a daemon that works for the commands.
    """

    folder: Path
    log: Path
    floor_bytes: int
    limit_s: float = 3600.0
    beside: Callable[[], float] = lambda: 0.0
    seconds: float = 0.0
    cpu_s: float = 0.0
    received: int = 0
    context: int = 0
    parts: dict[str, float] = field(default_factory=dict)
    start_free: int = 0
    low_free: int = 0

    def __post_init__(self) -> None:
        self.start_free = self.low_free = free_bytes(self.folder)

    @property
    def peak(self) -> int:
        """Most bytes of disk that were taken at any moment since the meter was made."""
        return max(0, self.start_free - self.low_free)

    def run(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        part: str = "",
    ) -> str:
        """Run `argv` to its end and return its output; its seconds also go to the `part` of that name.

        Raises:
            Failed: it ended with a non-zero status, or had to be ended.
        """
        if free_bytes(self.folder) < self.floor_bytes:
            raise Failed(f"not started, {self._left()}: {' '.join(argv)[:200]}")
        before, beside, received, start = os.times(), self.beside(), received_bytes(), time.monotonic()
        ended: list[str] = []
        at = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                argv,
                env={**os.environ, **(env or {})},
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            done = threading.Event()
            watch = threading.Thread(target=self._watch, args=(process, done, ended))
            watch.start()
            try:
                process.wait()
            finally:
                done.set()
                if process.poll() is None:
                    _signal(process, signal.SIGTERM)
                    process.wait()
                watch.join()
        seconds, after = time.monotonic() - start, os.times()
        self.seconds += seconds
        self.parts[part] = self.parts.get(part, 0.0) + seconds
        self.cpu_s += self.beside() - beside
        self.cpu_s += after.children_user - before.children_user
        self.cpu_s += after.children_system - before.children_system
        self.received += received_bytes() - received
        output = self.log.read_bytes()[at:].decode(errors="replace")
        if process.returncode != 0:
            tail = "\n".join(output.splitlines()[-TAIL_LINES:])
            why = ended[0] if ended else f"ended with {process.returncode}"
            raise Failed(f"{' '.join(argv)[:200]}: {why}\n{tail}")
        return output

    def _watch(self, process: subprocess.Popen[bytes], done: threading.Event, ended: list[str]) -> None:
        start, asked = time.monotonic(), 0.0
        while not done.wait(SAMPLE_S):
            free, now = free_bytes(self.folder), time.monotonic()
            self.low_free = min(self.low_free, free)
            if not ended and (free < self.floor_bytes or now - start > self.limit_s):
                ended.append(
                    f"ended, {self._left() if free < self.floor_bytes else f'{self.limit_s:g} s over'}"
                )
                asked = now
                _signal(process, signal.SIGTERM)
            if ended and now - asked > GRACE_S:
                _signal(process, signal.SIGKILL)

    def _left(self) -> str:
        return f"less than {self.floor_bytes / 1e9:.1f} GB of disk left"


def _signal(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)
