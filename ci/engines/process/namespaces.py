"""Namespaces around a command, so that what it starts and mounts ends with it, even when it is killed."""

from __future__ import annotations

import shutil
import signal
import subprocess
from functools import cache

ENCLOSED = ("unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "--")
"""The command is the first of its own processes, and its end is theirs; only they see what it mounts.

Source: pid_namespaces(7): when the init of a namespace ends, all in it are killed; unshare(1).
"""
DIE_WITH_PARENT = ("setpriv", "--pdeathsig", "KILL", "--")
"""Source: setpriv(1). It doesn't outlive a set-user-id program such as sudo, nor reach grandchildren."""
UNSHARE_KILLED = "unshare: sigprocmask unblock failed: Invalid argument"
"""What unshare of util-linux 2.38 says, ending with 1, when its command was killed; later ones die alike."""
PROBE_S = 10.0


def was_killed(status: int, last_line: str) -> bool:
    """Whether a command that ended so was ended by SIGKILL."""
    return status == -signal.SIGKILL or last_line == UNSHARE_KILLED


@cache
def pid_namespace(privilege: tuple[str, ...]) -> tuple[str, ...]:
    """Return what is put before a command to enclose it; nothing where this machine refuses that.

    A container may forbid a new view of /proc to who isn't really root. `privilege` makes us who we are.
    """
    try:
        done = subprocess.run(
            (*privilege, *ENCLOSED, "true"), capture_output=True, check=False, timeout=PROBE_S
        )
    except (OSError, subprocess.TimeoutExpired):
        return ()
    return ENCLOSED if done.returncode == 0 else ()


@cache
def dying_with_parent() -> tuple[str, ...]:
    """Return what is put before a command so that it is killed when we are; nothing where that is missing."""
    return DIE_WITH_PARENT if shutil.which(DIE_WITH_PARENT[0]) else ()
