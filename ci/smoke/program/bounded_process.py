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

STORED_BYTES = 64 * 1024
"""The limit of the stored output in bytes: half from its beginning, half from its end."""
OUTPUT_LIMIT_BYTES = 64 * 1024 * 1024
"""A child that writes more than this is killed."""
VARIABLE = "DOCKWRIGHT_PROBE"
"""An environment variable whose value is unique to one probe: it identifies children in other sessions."""
GRACE_S = 0.5
"""The time for reading what a child wrote before it ended."""
_CHUNK = 64 * 1024
_ROUNDS = 5
"""How often a session is searched: a process may start another while the first ones are killed."""


@dataclass(frozen=True, slots=True)
class ProcessResult:
    """How a child ended: `status` as in subprocess; `reason` why the probe ended it, empty if it did not.

    `timed_out`: that reason is that it was still running after its time limit.
    """

    status: int
    output: str
    reason: str = ""
    timed_out: bool = False

    @property
    def error(self) -> str:
        """How it failed, empty if it ended with 0."""
        if self.reason:
            return self.reason
        if self.status < 0:
            return f"was ended by {signal_name(-self.status)}"
        return f"ended with {self.status}" if self.status else ""


def signal_name(number: int) -> str:
    """Return the name of a signal; its number for a real-time signal, which has no name."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


class BoundedOutput:
    """The beginning and the end of an output; the middle of a long one is dropped."""

    def __init__(self) -> None:
        self.size = 0
        self._head = bytearray()
        self._tail = bytearray()

    def add(self, data: bytes) -> None:
        """Add the next bytes of the output."""
        self.size += len(data)
        free = max(0, STORED_BYTES // 2 - len(self._head))
        self._head += data[:free]
        self._tail += data[free:]
        del self._tail[: max(0, len(self._tail) - STORED_BYTES // 2)]

    @property
    def text(self) -> str:
        """The stored output, with a line in place of the dropped part."""
        dropped = self.size - len(self._head) - len(self._tail)
        cut = f"\n… {dropped} bytes left out …\n".encode() if dropped else b""
        return (bytes(self._head) + cut + bytes(self._tail)).decode(errors="replace")


def run(
    argv: Sequence[str],
    limit_s: float,
    *,
    env: Mapping[str, str] | None = None,
    keep_fds: Sequence[int] = (),
    cwd: str | None = None,
) -> ProcessResult:
    """Run `argv` without input, and kill all of its session when it ends or after `limit_s`.

    `env` is added to this process's environment, `keep_fds` stay open in the child; it starts in `cwd`.
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
    bounded = BoundedOutput()
    with process.stdout as stdout:
        os.set_blocking(stdout.fileno(), False)
        try:
            reason, timed_out = _read(process, stdout.fileno(), bounded, limit_s)
        finally:
            end(process)
    return ProcessResult(process.wait(), bounded.text, reason, timed_out)


def _read(
    process: subprocess.Popen[bytes], output: int, bounded: BoundedOutput, limit_s: float
) -> tuple[str, bool]:
    """Read until the child has ended; return why it has to be killed, and whether its time was over.

    The reason is empty if it ended by itself.
    """
    deadline = time.monotonic() + limit_s
    ended = os.pidfd_open(process.pid)
    try:
        with selectors.DefaultSelector() as selector:
            selector.register(output, selectors.EVENT_READ)
            selector.register(ended, selectors.EVENT_READ)
            while (left_s := deadline - time.monotonic()) > 0:
                ready = {key.fd for key, _ in selector.select(left_s)}
                if output in ready and _read_once(output, bounded) == 0:
                    selector.unregister(output)
                if bounded.size > OUTPUT_LIMIT_BYTES:
                    return f"wrote more than {OUTPUT_LIMIT_BYTES // 2**20} MiB, so it was ended", False
                if ended in ready:
                    grace = min(deadline, time.monotonic() + GRACE_S)
                    while time.monotonic() < grace and bounded.size <= OUTPUT_LIMIT_BYTES:
                        if _read_once(output, bounded) <= 0:
                            break
                    return "", False
    finally:
        os.close(ended)
    return f"was still running after {limit_s:g} s, so it was ended", True


def _read_once(output: int, bounded: BoundedOutput) -> int:
    """Read once and return the number of bytes: 0 at the end, -1 if nothing is available now."""
    try:
        data = os.read(output, _CHUNK)
    except BlockingIOError:
        return -1
    bounded.add(data)
    return len(data)


def end(process: subprocess.Popen[bytes]) -> None:
    """Kill a child, its session (tini moves its own child to another process group) and its orphans.

    Nobody has waited for the child yet, so no other session can have its number.
    """
    _kill(lambda: members_of(process.pid) + orphans())
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def end_orphans() -> None:
    """Kill the processes that this probe's children have left running."""
    _kill(orphans)


def _kill(find: Callable[[], list[int]]) -> None:
    for _ in range(_ROUNDS):
        found = find()
        for pid in found:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        if not found:
            return


def members_of(session: int) -> list[int]:
    """Return the live processes of a session. Source: proc(5), /proc/pid/stat.

    Raises:
        ValueError: `session` is 0, which /proc shows for a session that began in another namespace.
    """
    if session <= 0:
        raise ValueError(f"{session} is not a session")
    return [pid for pid, fields in _processes() if int(fields[3]) == session]


def orphans() -> list[int]:
    """Return the live processes that were started with this probe's value of `VARIABLE`.

    Source: proc(5), /proc/pid/environ: the environment as it was when the program started.
    """
    if not os.environ.get(VARIABLE):
        return []
    entry = f"{VARIABLE}={os.environ[VARIABLE]}".encode()
    return [pid for pid, _ in _processes() if entry in _environment(pid)]


def _processes() -> Iterator[tuple[int, list[str]]]:
    """Yield each live process except this one, and the fields of its stat after the name."""
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
