"""The folders and files of the state directory: what is of another kind than it must be is moved aside."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from ci.run.workspace.state_file import Warn, warn_once

ASIDE = "damaged"
"""The folder in which damaged parts of the state directory are kept until `gc`."""
FOLDERS = (
    *("apt", "archives", "empty", "images", "input-documents", "inputs", "ledger", "live-runs"),
    *("locks", "repro", "runs", "tmp"),
)
INPUT_FOLDERS = ("bootstrap", "compiled", "content", "debhouse", "partial", "wheelhouse")
FILES = (
    *("compressed.json", "contents.json", "hashes.json", "history.json", "layers.json"),
    *("reference-benchmark.json", "wheelhouse.log"),
)
FOLDERS_OF_FILES = ("input-documents", "live-runs", "locks", "inputs/compiled", "inputs/content")
FOLDERS_OF_FOLDERS_OF_FILES = ("images", "ledger")


def repair_structure(root: Path, warn: Warn = warn_once) -> None:
    """Move everything aside that is no folder or no file where the state directory `root` must have one.

    So whoever writes there finds nothing in the way. A link to a folder or to a file is as good as that.
    """
    for path in _misplaced(root):
        aside = root / ASIDE / f"{path.relative_to(root).as_posix().replace('/', '-')}-{os.getpid()}"
        try:
            aside.parent.mkdir(parents=True, exist_ok=True)
            path.rename(aside)
        except OSError as error:
            warn(f"{path}: damaged, and can't be moved away ({error.strerror})")
        else:
            warn(f"{path}: damaged (not the kind of file that it must be); moved to {aside}")


def _misplaced(root: Path) -> Iterator[Path]:
    yield from _no_folders(root / name for name in (ASIDE, *FOLDERS))
    yield from _no_folders(root / "inputs" / name for name in INPUT_FOLDERS)
    yield from _no_folders(_entries(root / "inputs/wheelhouse"))
    yield from _no_files(root / name for name in FILES)
    for name in FOLDERS_OF_FILES:
        yield from _no_files(_entries(root / name))
    for name in FOLDERS_OF_FOLDERS_OF_FILES:
        for folder in _entries(root / name):
            yield from _no_folders([folder])
            yield from _no_files(_entries(folder))


def _no_folders(paths: Iterator[Path] | list[Path]) -> Iterator[Path]:
    return (path for path in paths if not path.is_dir() and _exists(path))


def _no_files(paths: Iterator[Path] | list[Path]) -> Iterator[Path]:
    return (path for path in paths if not path.is_file() and _exists(path))


def _exists(path: Path) -> bool:
    return path.is_symlink() or path.exists()


def _entries(folder: Path) -> list[Path]:
    """Return what is in a folder, but for hidden files; nothing where it is none, or can't be read."""
    try:
        with os.scandir(folder) as entries:
            found = [entry for entry in entries if not entry.is_file(follow_symlinks=False)]
    except OSError:
        return []
    return [Path(entry.path) for entry in found]
