"""A regular file, read up to a size."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

SMALL_BYTES = 1 << 20
"""More than any file that a person writes: TOML, requirements, settings."""
LARGE_BYTES = 64 << 20
"""More than any file that dockwright writes and reads as a whole: locks, reports, records."""


def read_file(path: Path, limit_bytes: int = LARGE_BYTES) -> bytes:
    """Return the content of the regular file `path`, which may be a link to one.

    A pipe, a device or a folder is refused without a wait, and no more than the limit is ever in memory.

    Raises:
        OSError: there is none, it can't be read, it is another kind of file or larger than `limit_bytes`;
            `strerror` says which.

    Source: open(2) for O_NONBLOCK: opening a pipe for reading does not wait for a writer.
    """
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)  # no such flags elsewhere
    try:
        file = open(path, "rb", buffering=0, opener=lambda name, _: os.open(name, flags))  # noqa: SIM115
    except ValueError as error:  # a NUL in its name
        raise OSError(errno.EINVAL, "not the name of a file", str(path)) from error
    with file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(errno.EINVAL, "not a regular file", str(path))
        parts: list[bytes] = []
        left = limit_bytes + 1
        while left and (part := file.read(min(left, 1 << 20))):
            parts.append(part)
            left -= len(part)
    if not left:
        raise OSError(errno.EFBIG, f"larger than {_shown(limit_bytes)}", str(path))
    return b"".join(parts)


def _shown(size: int) -> str:
    return f"{size >> 20} MiB" if size >= 1 << 20 else f"{size} bytes"
