"""Things in the place of a file or a folder that a program has to write: they are removed."""

import contextlib
import shutil
from pathlib import Path


def remove(path: Path) -> None:
    """Remove `path`, whatever it is; a link is removed, and not what it leads to.

    Raises:
        OSError: it can't be removed.
    """
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def make_folder(path: Path) -> None:
    """Make the folder `path`; something else in its place, or in that of a folder above it, is removed.

    Raises:
        OSError: it can't be made.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError:
        for folder in (*reversed(path.parents), path):
            if not folder.is_dir() and (folder.is_symlink() or folder.exists()):
                remove(folder)
        path.mkdir(parents=True, exist_ok=True)


def remove_obstacles(path: Path) -> None:
    """Make the folder of the file `path`, and remove what is in its place and no file; errors are ignored."""
    with contextlib.suppress(OSError):
        make_folder(path.parent)
        if not path.is_file():
            remove(path)
