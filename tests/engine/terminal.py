"""A program on a terminal of a test's own, which types and reads."""

from __future__ import annotations

import os
import pty
import select
import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.hang import HANG_S


@dataclass
class Terminal:
    """A running program: its process id, our end of its terminal, and all that it wrote there.

    `searched` is where the next text is searched: one read may bring several that are waited for.
    """

    pid: int
    descriptor: int
    text: str = ""
    searched: int = 0

    def wait_for(self, wanted: str) -> str:
        """Read until `wanted` comes, and return it with what came since the last one."""
        start = self.searched
        while (found := self.text.find(wanted, start)) < 0:
            assert self._read(), f"it ended: {self.text}"
        self.searched = found + len(wanted)
        return self.text[start : self.searched]

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
        ready, _, _ = select.select([self.descriptor], [], [], HANG_S)
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
