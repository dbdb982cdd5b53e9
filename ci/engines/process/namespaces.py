"""PID namespaces, so that what a command starts and mounts ends with it, even when it is killed."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from functools import cache

from ci.engines.program import confined

PID_NAMESPACE = ("unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "--")
"""The command is process 1 of a namespace, whose processes end with it; only they see what it mounts.

Source: pid_namespaces(7): when the init of a namespace ends, all in it are killed; unshare(1).
"""
DIE_WITH_PARENT = ("setpriv", "--pdeathsig", "KILL", "--")
"""Source: setpriv(1). It doesn't outlive a set-user-id program such as sudo, nor reach grandchildren."""
UNSHARE_KILLED = "unshare: sigprocmask unblock failed: Invalid argument"
"""Printed by unshare of util-linux 2.38, with status 1, if its command was killed."""
PROBE_S = 10.0


def was_killed(status: int, last_line: str) -> bool:
    """Whether a command with this status and last line was ended by SIGKILL."""
    return status == -signal.SIGKILL or last_line == UNSHARE_KILLED


@cache
def pid_namespace(privilege: tuple[str, ...]) -> tuple[str, ...]:
    """Return the prefix of a command that gives it a PID namespace; empty where this machine refuses one.

    A container may forbid mounting /proc to anyone but real root. `privilege` is the prefix for our rights.
    A child process is started to find it out.
    """
    try:
        done = subprocess.run(
            (*privilege, *PID_NAMESPACE, "true"), capture_output=True, check=False, timeout=PROBE_S
        )
    except (OSError, subprocess.TimeoutExpired):
        return ()
    return PID_NAMESPACE if done.returncode == 0 else ()


def confined_to(read: Sequence[str], *, scratch: str, output: str) -> tuple[str, ...]:
    """Return the prefix of a command of root that confines it to the folders `read`; it has no network.

    Its /tmp is a folder in `scratch`, and its standard output the file `output`.
    """
    options = (*(f"--read={path}" for path in read), f"--scratch={scratch}", f"--output={output}")
    return (sys.executable, "-I", "-S", "-B", confined.__file__, *options, "--")


@cache
def dying_with_parent() -> tuple[str, ...]:
    """Return the prefix of a command that kills it when we are killed; empty without setpriv(1)."""
    return DIE_WITH_PARENT if shutil.which(DIE_WITH_PARENT[0]) else ()
