"""Running a program that nobody vouches for: as a user without any rights, with an environment of its own.

It starts in a container that has no network and sees nothing but what the program needs; this takes away the
rest: root, capabilities, and any way to get them. Source: prctl(2), credentials(7), kill(2).
"""

import ctypes
import os
import resource
import signal
import struct
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

PROCESSES = 1024
"""Most processes and threads of the program at once."""
FILE_BYTES = 4 * 2**30
"""Most bytes of one file that it writes."""
OUTPUT_BYTES = 64 * 2**20
"""Most bytes that it prints."""
PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 24, 38
PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL = 47, 4
CAPABILITY_VERSION_3 = 0x20080522
LAST_CAPABILITY = Path("/proc/sys/kernel/cap_last_cap")
LIBC = ctypes.CDLL(None, use_errno=True)


class UnprivilegedError(Exception):
    """The program could not be started, or printed too much."""


def drop(uid: int) -> None:
    """Become the user and group `uid`, for good: no capability, and no program that could give one."""
    for number in range(int(LAST_CAPABILITY.read_text()) + 1):
        LIBC.prctl(
            PR_CAPBSET_DROP, number, 0, 0, 0
        )  # refused without CAP_SETPCAP: then no_new_privs is enough
    LIBC.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
    for limit, most in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NPROC, PROCESSES),
        (resource.RLIMIT_FSIZE, FILE_BYTES),
    ):
        hard = resource.getrlimit(limit)[1]
        least = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(limit, (least, least))
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)
    if LIBC.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "no_new_privs")
    if LIBC.capset(struct.pack("Ii", CAPABILITY_VERSION_3, 0), bytes(24)):
        raise OSError(ctypes.get_errno(), "capset")


def run_unprivileged(
    argv: Sequence[str], uid: int, *, env: Mapping[str, str], cwd: Path, on_line: Callable[[str], None]
) -> int:
    """Run `argv` as `uid` with the environment `env` and return its status; nothing that it started goes on.

    `uid` is used by no other program. Each line that it prints goes to `on_line`.

    Raises:
        UnprivilegedError: it could not be started, or printed more than `OUTPUT_BYTES`.
    """

    def become() -> None:
        drop(uid)

    try:
        process = subprocess.Popen(
            list(argv),
            env=dict(env),
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            preexec_fn=become,
            start_new_session=True,
            umask=0o022,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise UnprivilegedError(f"can't be started as user {uid} ({error})") from error
    assert process.stdout is not None
    printed, rest = 0, b""
    # what it left running may hold the pipe open, so its own end is what counts
    os.set_blocking(process.stdout.fileno(), False)
    try:
        while True:
            status = process.poll()
            if status is not None:
                end_all(uid)
            chunk = _available(process.stdout.fileno(), 0.05 if status is None else 0)
            printed += len(chunk)
            if printed > OUTPUT_BYTES:
                raise UnprivilegedError(f"printed more than {OUTPUT_BYTES >> 20} MiB, so it was ended")
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                on_line(line.decode(errors="replace"))
            if status is not None and not chunk:
                if rest:
                    on_line(rest.decode(errors="replace"))
                return status
    finally:
        end_all(uid)
        process.stdout.close()
        process.wait()


def end_all(uid: int) -> None:
    """Kill all processes of a user, as that user: it may signal no other's. Source: kill(2), pid -1."""
    child = os.fork()
    if child == 0:
        try:
            os.setresgid(uid, uid, uid)
            os.setresuid(uid, uid, uid)
            os.kill(-1, signal.SIGKILL)
        except OSError:
            os._exit(1)
        os._exit(0)
    os.waitpid(child, 0)


def _available(descriptor: int, wait_s: float) -> bytes:
    """Return what can be read now, or within `wait_s`; empty where there is nothing."""
    import select

    if not select.select([descriptor], [], [], wait_s)[0]:
        return b""
    try:
        return os.read(descriptor, 1 << 16)
    except BlockingIOError:
        return b""
