"""Calls of the C library that Python's own library does not have. Standard library only, Linux.

Source: mount(2), netdevice(7).
"""

import ctypes
import fcntl
import os
import socket
import struct
from pathlib import Path

LIBC = ctypes.CDLL(None, use_errno=True)
SIOCSIFFLAGS, IFF_UP = 0x8914, 1


def call(what: str, result: int) -> None:
    """Check a call of the C library.

    Raises:
        OSError: it failed.
    """
    if result:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), what)


def mount(source: str, target: Path, kind: str = "", flags: int = 0, data: str = "") -> None:
    """Mount something, by the system call: a program for each would take half of the time of a sandbox.

    Raises:
        OSError: it is refused.
    """
    words = (os.fsencode(source), os.fsencode(target), kind.encode(), ctypes.c_ulong(flags), data.encode())
    call(f"{kind or source} at {target}", LIBC.mount(*words))


def raise_loopback() -> None:
    """Bring up 127.0.0.1 in this process's network namespace."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh22x", b"lo", IFF_UP))
