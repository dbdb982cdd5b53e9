"""A regular file below a folder, opened without following a link out of that folder."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

CHUNK_BYTES = 1 << 20
"""Most bytes of a file that are in memory at once."""
HEAD_BYTES = 4096
"""Bytes at the start of a file that `hashed` returns."""


@contextmanager
def opened(folder: Path, name: str) -> Iterator[int]:
    """Yield a descriptor of the regular file `name` below `folder`, for reading.

    Links inside the folder are followed once, before it is opened; a link that takes the place of a part of
    the path meanwhile is refused, as is a pipe, without a wait.

    Raises:
        OSError: there is no such file, it is outside of the folder, or it is of another kind.

    Source: open(2) for O_NOFOLLOW, O_NONBLOCK and relative paths.
    """
    top = folder.resolve()
    path = (top / name).resolve()
    if not path.is_relative_to(top) or path == top:
        raise OSError(errno.EXDEV, "leads out of its folder", str(folder / name))
    flags = os.O_RDONLY | os.O_CLOEXEC
    at = os.open(top, flags | os.O_DIRECTORY)
    try:
        *above, last = path.relative_to(top).parts
        for part in above:
            below = os.open(part, flags | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=at)
            os.close(at)
            at = below
        file = os.open(last, flags | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=at)
    finally:
        os.close(at)
    try:
        if not stat.S_ISREG(os.fstat(file).st_mode):
            raise OSError(errno.EINVAL, "not a regular file", str(path))
        yield file
    finally:
        os.close(file)


def hashed(file: int, write: Callable[[bytes], object] = lambda _: None) -> tuple[str, bytes]:
    """Return the sha256 of the file behind a descriptor, and its first bytes; `write` gets all of it."""
    digest, head = sha256(), b""
    while chunk := os.read(file, CHUNK_BYTES):
        head = head or chunk[:HEAD_BYTES]
        digest.update(chunk)
        write(chunk)
    return digest.hexdigest(), head
