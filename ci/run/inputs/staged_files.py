"""A run's own copy of the files that go into images, with the names, modes and links that they get there.

Files are copied before anything is built, and hashed while they are copied; so a build has the files that its
key names, whatever changes in the stack's directory meanwhile.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from pathlib import Path

import anyio

from ci.bounded.regular_file import hashed, opened
from ci.catalog.stack import ContextFile, ImageVariant
from ci.errors import FilesChangedError
from ci.run.workspace.workspace import Workspace
from ci.steps.layout import APP, STAGED

FOLDER_MODE = 0o755


def staged(workspace: Workspace, image: ImageVariant) -> Path:
    """Return the build context of an image: its own folder of this run."""
    return workspace.scratch / "files" / image.folder


async def stage_files(workspace: Workspace, images: Iterable[ImageVariant]) -> None:
    """Make the build contexts of `images`, in a thread.

    Raises:
        FilesChangedError: a file is not what it was when the stack was read.
    """
    await anyio.to_thread.run_sync(_stage_all, workspace, tuple(images))


def write_context(stack: Path, image: ImageVariant, context: Path) -> None:
    """Make `context`, a folder with the tree of the image's own files in `STAGED`, all times 0.

    Folders have the mode 0755, and owners are ours: an engine copies a tree as root-owned.

    Raises:
        FilesChangedError: a file of the stack's directory is not what it was when that was read.
    """
    shutil.rmtree(context, ignore_errors=True)
    top = context / STAGED
    _make_folder(top, context.parent)
    for file in image.files:
        target = top / file.target.removeprefix(f"{APP}/")
        _make_folder(target if file.is_folder else target.parent, context.parent)
        if file.link:
            target.symlink_to(file.link)
        elif not file.is_folder:
            _copy(stack / image.folder, file, target)
    for path in sorted(top.rglob("*"), reverse=True):
        os.utime(path, (0, 0), follow_symlinks=False)
    os.utime(top, (0, 0))


def by_folder(images: Iterable[ImageVariant]) -> dict[str, ImageVariant]:
    """Return an image variant for each folder; those that have files have the same ones."""
    found: dict[str, ImageVariant] = {}
    for image in images:
        if image.files or image.folder not in found:
            found[image.folder] = image
    return found


def _stage_all(workspace: Workspace, images: tuple[ImageVariant, ...]) -> None:
    for image in by_folder(images).values():
        write_context(workspace.directory, image, staged(workspace, image))


def _make_folder(folder: Path, top: Path) -> None:
    """Make `folder` and those between it and `top`, with their mode whatever the umask is."""
    missing = []
    while folder != top and not folder.is_dir():
        missing.append(folder)
        folder = folder.parent
    top.mkdir(parents=True, exist_ok=True)
    for one in reversed(missing):
        one.mkdir()
        one.chmod(FOLDER_MODE)


def _copy(folder: Path, file: ContextFile, target: Path) -> None:
    try:
        with opened(folder, file.path) as source, target.open("xb") as copy:
            sha256, _ = hashed(source, copy.write)
            os.fchmod(copy.fileno(), int(file.mode, 8))
    except FileNotFoundError as error:
        raise _changed(folder, file, "removed") from error
    except OSError as error:
        if error.filename is None and error.filename2 is None:
            raise  # not of the source: the disk is full
        raise _changed(folder, file, f"changed ({error.strerror})") from error
    if sha256 != file.sha256:
        raise _changed(folder, file, "changed")


def _changed(folder: Path, file: ContextFile, how: str) -> FilesChangedError:
    return FilesChangedError(
        f"{folder.name}/{file.path}: {how} after the stack was read",
        hint="run it again once nothing writes into the stack's directory",
    )
