"""A program on a terminal of a test's own, which types and reads."""

from __future__ import annotations

import os
import pty
import select
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

LIMIT_S = 120.0


@dataclass
class Terminal:
    """A running program: its process id, our end of its terminal, and all that it wrote there."""

    pid: int
    descriptor: int
    text: str = ""

    def wait_for(self, wanted: str) -> str:
        """Read until `wanted` comes, and return what came before it, that included."""
        deadline = time.monotonic() + LIMIT_S
        start = len(self.text)
        while wanted not in self.text[start:]:
            assert time.monotonic() < deadline, self.text
            assert self._read(), f"it ended: {self.text}"
        return self.text[start:]

    def type(self, text: str) -> None:
        """Type `text`."""
        os.write(self.descriptor, text.encode())

    def end(self) -> int:
        """Read to the end and return the exit status."""
        while self._read():
            pass
        _, status = os.waitpid(self.pid, 0)
        return os.waitstatus_to_exitcode(status)

    def _read(self) -> bool:
        ready, _, _ = select.select([self.descriptor], [], [], LIMIT_S)
        assert ready, self.text
        try:
            data = os.read(self.descriptor, 4096)
        except OSError:  # Linux says so that nobody has the other end any more
            return False
        self.text += data.decode(errors="replace")
        return bool(data)


@contextmanager
def on_terminal(argv: Sequence[str], *, env: Mapping[str, str], cwd: Path) -> Iterator[Terminal]:
    """Run a program on a new terminal; what is left of it ends with the block."""
    pid, descriptor = pty.fork()
    if pid == 0:
        for number in (signal.SIGINT, signal.SIGHUP):  # as a terminal has them, whoever started us
            signal.signal(number, signal.SIG_DFL)
        os.chdir(cwd)
        os.execvpe(argv[0], list(argv), dict(env))
    try:
        yield Terminal(pid=pid, descriptor=descriptor)
    finally:
        os.close(descriptor)  # hangs up
