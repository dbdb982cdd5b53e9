"""Files that are written as a whole or not at all.

This is the one implementation for the host too. It is in this folder because the fetching programs run in a
container that has nothing of dockwright but this folder, so they can't import it from elsewhere.
"""

import contextlib
import os
from pathlib import Path


def write_atomically(path: Path, content: str | bytes, mode: int | None = None) -> None:
    """Write `content` to `path`, and make its folder; a reader sees the old file or the new one.

    Until it is complete the file is `.NAME.PID`: two processes never write the same one, and the files of a
    killed process can be found. Without a `mode` the umask decides; with one, nobody else can read even a
    part of it before.

    Raises:
        OSError: it can't be written; nothing of it stays.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        partial.unlink(missing_ok=True)
        partial.touch(0o666 if mode is None else mode, exist_ok=False)
        partial.write_bytes(content if isinstance(content, bytes) else content.encode())
        if mode is not None:
            partial.chmod(mode)
        partial.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            partial.unlink()
        raise
