"""A filter of system calls for this process and all that it starts. Standard library only, Linux.

For programs that no container runtime starts; those of build steps have the profile of seccomp.py, which
refuses the same calls. It needs no-new-privileges.

Source: seccomp(2); seccomp_filter.rst of the kernel; linux/bpf_common.h; linux/seccomp.h.
"""

import ctypes
import errno
import os
import struct
from collections.abc import Iterable

from .system_calls import LIBC, call

CALLS = {
    "x86_64": {
        "add_key": 248,
        "request_key": 249,
        "keyctl": 250,
        "bpf": 321,
        "perf_event_open": 298,
        "userfaultfd": 323,
        "open_by_handle_at": 304,
        "syslog": 103,
        "unshare": 272,
        "setns": 308,
        "mount": 165,
        "umount2": 166,
        "pivot_root": 155,
    },
    "aarch64": {
        "add_key": 217,
        "request_key": 218,
        "keyctl": 219,
        "bpf": 280,
        "perf_event_open": 241,
        "userfaultfd": 282,
        "open_by_handle_at": 265,
        "syslog": 116,
        "unshare": 97,
        "setns": 268,
        "mount": 40,
        "umount2": 39,
        "pivot_root": 41,
    },
}
"""Numbers of system calls by machine, of those that differ. Source: syscall_64.tbl, asm-generic/unistd.h."""
CALLS_OF_ALL = {"io_uring_setup": 425, "io_uring_enter": 426, "io_uring_register": 427} | {
    "open_tree": 428,
    "move_mount": 429,
    "fsopen": 430,
    "fsconfig": 431,
    "fsmount": 432,
    "fspick": 433,
    "pidfd_getfd": 438,
    "mount_setattr": 442,
}
ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
"""Source: linux/audit.h, AUDIT_ARCH_*."""
KERNEL_CALLS = (
    *("add_key", "request_key", "keyctl", "bpf", "perf_event_open", "userfaultfd", "open_by_handle_at"),
    *("syslog", "io_uring_setup", "io_uring_enter", "io_uring_register", "pidfd_getfd"),
)
"""What reaches the machine's kernel past namespaces and capabilities."""
NAMESPACE_CALLS = (
    *("unshare", "setns", "mount", "umount2", "pivot_root", "open_tree", "move_mount", "fsopen"),
    *("fsconfig", "fsmount", "fspick", "mount_setattr"),
)
LOAD, JUMP_EQUAL, JUMP_AT_LEAST, RETURN = 0x20, 0x15, 0x35, 0x06
NUMBER_AT, ARCHITECTURE_AT = 0, 4
ALLOW, REFUSE = 0x7FFF0000, 0x00050000 | errno.EPERM
X32 = 0x40000000
"""Numbers from here on are those of another table. Source: x86's asm/unistd.h."""
PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 22, 2


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def instructions(machine: str, names: Iterable[str]) -> bytes:
    """Return the filter that refuses `names`, and all of the other tables of calls that a kernel may have."""
    numbers = sorted({**CALLS[machine], **CALLS_OF_ALL}[name] for name in names)
    refuse = len(numbers) + 1  # how many instructions after the first comparison
    program = [
        (LOAD, 0, 0, ARCHITECTURE_AT),
        (JUMP_EQUAL, 0, refuse + 2, ARCHITECTURES[machine]),
        (LOAD, 0, 0, NUMBER_AT),
        (JUMP_AT_LEAST, refuse, 0, X32),
        *((JUMP_EQUAL, refuse - 1 - i, 0, number) for i, number in enumerate(numbers)),
        (RETURN, 0, 0, ALLOW),
        (RETURN, 0, 0, REFUSE),
    ]
    return b"".join(struct.pack("HBBI", *one) for one in program)


def refuse_calls(names: Iterable[str]) -> None:
    """Let these system calls end with EPERM from now on; nothing on a machine whose calls are not known.

    Raises:
        OSError: the kernel refuses the filter.
    """
    machine = os.uname().machine
    if machine not in CALLS:
        return
    code = instructions(machine, names)
    program = _Program(length=len(code) // 8, instructions=code)
    call("seccomp", LIBC.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0))
