"""One child process with a time limit and a bounded output. Standard library only."""

import contextlib
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

KEPT = 64 * 1024
"""Bytes of output that are kept: half of them from its beginning, half from its end."""
FLOOD = 64 * 1024 * 1024
"""A child that writes more than this is ended."""
VARIABLE = "DOCKWRIGHT_PROBE"
"""All children of one probe have its value, and nobody else has: it finds what left its parent's session."""
GRACE_S = 0.5
"""Time that is given to read what a child wrote before it ended."""
_CHUNK = 64 * 1024
_ROUNDS = 5
"""Times that a session is looked through: a process may start another while the first ones are ended."""


@dataclass(frozen=True, slots=True)
class ProcessResult:
    """How a child ended: `status` as of subprocess, `why` dockwright ended it (empty: it ended by itself)."""

    status: int
    output: str
    why: str = ""

    @property
    def fault(self) -> str:
        """What is wrong with how it ended, empty for nothing."""
        if self.why:
            return self.why
        if self.status < 0:
            return f"was ended by {signal.Signals(-self.status).name}"
        return f"ended with {self.status}" if self.status else ""


class BoundedOutput:
    """The beginning and the end of an output."""

    def __init__(self) -> None:
        self.size = 0
        self._head = bytearray()
        self._tail = bytearray()

    def add(self, data: bytes) -> None:
        """Take what came next."""
        self.size += len(data)
        room = max(0, KEPT // 2 - len(self._head))
        self._head += data[:room]
        self._tail += data[room:]
        del self._tail[: max(0, len(self._tail) - KEPT // 2)]

    @property
    def text(self) -> str:
        """What was kept, with a line that says what was not."""
        left = self.size - len(self._head) - len(self._tail)
        cut = f"\n… {left} bytes left out …\n".encode() if left else b""
        return (bytes(self._head) + cut + bytes(self._tail)).decode(errors="replace")


def run(
    argv: Sequence[str],
    limit_s: float,
    *,
    env: Mapping[str, str] | None = None,
    keep_fds: Sequence[int] = (),
    cwd: str | None = None,
) -> ProcessResult:
    """Run `argv` with nothing to read, and end all of its session at its end or at `limit_s`.

    `env` is laid over this process's environment, `keep_fds` stay open in the child; it starts in `cwd`.
    """
    try:
        process = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            pass_fds=keep_fds,
            cwd=cwd,
            env={**os.environ, **(env or {})},
        )
    except OSError as error:
        return ProcessResult(127, "", f"can't be started: {error.strerror}: {argv[0]}")
    assert process.stdout is not None
    kept = BoundedOutput()
    with process.stdout as stdout:
        os.set_blocking(stdout.fileno(), False)
        try:
            why = _read(process, stdout.fileno(), kept, limit_s)
        finally:
            end(process)
    return ProcessResult(process.wait(), kept.text, why)


def _read(process: subprocess.Popen[bytes], output: int, kept: BoundedOutput, limit_s: float) -> str:
    """Read until the child has ended; return why it has to be ended, empty when it ended by itself."""
    deadline = time.monotonic() + limit_s
    ended = os.pidfd_open(process.pid)
    try:
        with selectors.DefaultSelector() as selector:
            selector.register(output, selectors.EVENT_READ)
            selector.register(ended, selectors.EVENT_READ)
            while (left := deadline - time.monotonic()) > 0:
                ready = {key.fd for key, _ in selector.select(left)}
                if output in ready and _take(output, kept) == 0:
                    selector.unregister(output)
                if kept.size > FLOOD:
                    return f"wrote more than {FLOOD // 2**20} MiB, so it was ended"
                if ended in ready:
                    grace = min(deadline, time.monotonic() + GRACE_S)
                    while time.monotonic() < grace and kept.size <= FLOOD and _take(output, kept) > 0:
                        pass
                    return ""
    finally:
        os.close(ended)
    return f"was still running after {limit_s:g} s, so it was ended"


def _take(output: int, kept: BoundedOutput) -> int:
    """Read once; return how much that was: 0 at the end, -1 when there is nothing at this moment."""
    try:
        data = os.read(output, _CHUNK)
    except BlockingIOError:
        return -1
    kept.add(data)
    return len(data)


def end(process: subprocess.Popen[bytes]) -> None:
    """Kill a child and its session (tini moves its own child to another process group), and its strays.

    Nobody has waited for the child yet, so no other session can have its number.
    """
    _kill(lambda: members_of(process.pid) + orphans())
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def end_orphans() -> None:
    """Kill what this probe's children have left running."""
    _kill(orphans)


def _kill(look: Callable[[], list[int]]) -> None:
    for _ in range(_ROUNDS):
        found = look()
        for pid in found:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        if not found:
            return


def members_of(session: int) -> list[int]:
    """Return the live processes of a session. Source: proc(5), /proc/pid/stat.

    Raises:
        ValueError: `session` is 0, which is not one: it is what a process shows whose session began outside.
    """
    if session <= 0:
        raise ValueError(f"{session} is no session")
    return [pid for pid, fields in _processes() if int(fields[3]) == session]


def orphans() -> list[int]:
    """Return the live processes that were started with this probe's value of `VARIABLE`.

    Source: proc(5), /proc/pid/environ: the environment as it was when the program started.
    """
    if not os.environ.get(VARIABLE):
        return []
    mark = f"{VARIABLE}={os.environ[VARIABLE]}".encode()
    return [pid for pid, _ in _processes() if mark in _environment(pid)]


def _processes() -> Iterator[tuple[int, list[str]]]:
    """Yield each live process but this one, and the fields of its stat after the name."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text(errors="replace").rpartition(")")[2].split()
        except OSError:
            continue
        if fields[0] not in "ZX" and int(folder.name) != os.getpid():
            yield int(folder.name), fields


def _environment(pid: int) -> list[bytes]:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return []
