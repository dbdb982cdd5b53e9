"""The content store: files by their sha256, each once; package folders have hard links to them."""

import hashlib
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from .failure import FetchingError
from .obstacle import make_folder, remove

CHUNK = 1 << 18
FREE_SPACE = "free space (`dockwright gc` lists what can be removed), or use another disk: `--root DIR`"


def sha256(path: Path, on_chunk: Callable[[], None] = lambda: None) -> str:
    """Return the hash of a file: 64 hex digits.

    `on_chunk` is called before each chunk; what it raises is not caught.
    """
    digest = hashlib.sha256()
    buffer = memoryview(bytearray(CHUNK))
    with path.open("rb", buffering=0) as stream:
        while size := stream.readinto(buffer):
            on_chunk()
            digest.update(buffer[:size])
    return digest.hexdigest()


def file_stamp(path: Path) -> list[int]:
    """Return what changes when a file does: size, time of the content in ns, inode.

    Not the time of the inode's own change: another hard link to the file changes that. So a file that was
    changed and given its old time by hand counts as unchanged; uv checks a wheel's hash once more.
    """
    status = path.stat()
    return [status.st_size, status.st_mtime_ns, status.st_ino]


@dataclass(frozen=True)
class ContentStore:
    """The files under `folder`; unfinished ones are under `partial`.

    `known` has the file stamps of files whose hash was computed before, by that hash.
    """

    folder: Path
    partial: Path
    known: dict[str, list[list[int]]] = field(default_factory=dict)

    def path(self, digest: str) -> Path:
        """Return the path of the file with this hash."""
        return self.folder / digest

    def has(self, digest: str, on_chunk: Callable[[], None] = lambda: None) -> bool:
        """Whether the file with this hash is available; a file with another hash than its name is removed.

        `on_chunk` is as in `sha256`.
        """
        path = self.path(digest)
        if not path.is_file():
            if os.path.lexists(path) and not path.is_file():  # a folder, a pipe
                remove(path)
            return False
        if file_stamp(path) in self.known.get(digest, []) or sha256(path, on_chunk) == digest:
            return True
        path.unlink()
        return False

    def add(self, source: Path) -> str:
        """Copy a file that was made here into the store; return its hash."""
        digest = sha256(source)
        if not self.has(digest):
            partial = self.partial / f"{digest}.part"
            shutil.copyfile(source, partial)
            partial.chmod(0o644)
            partial.replace(self.path(digest))
        return digest

    def link(self, digest: str, target: Path) -> None:
        """Make `target` a hard link to the file with this hash; an older file of that name is replaced."""
        source = self.path(digest)
        if target.exists() and target.samefile(source):
            return
        partial = target.with_name(f".{target.name}.part")
        remove(partial)
        try:
            os.link(source, partial)
        except OSError:  # another user's file, or a file system without links
            shutil.copyfile(source, partial)
        partial.replace(target)


def open_content_store(root: Path, known: dict[str, list[list[int]]]) -> ContentStore:
    """Return the content store in the folder `root`; what is missing of its folders is made."""
    store = ContentStore(folder=root / "content", partial=root / "partial", known=known)
    for folder in (store.folder, store.partial):
        make_folder(folder)
    return store


def write_error(error: OSError, folder: Path) -> FetchingError:
    """Return an error of writing below `folder` as a failure of a fetching program."""
    if error.errno == 28:
        return FetchingError(kind="disk", text=f"{folder}: no space left", hint=FREE_SPACE)
    hint = "check the owner and the mode of that folder"
    return FetchingError(kind="disk", text=f"{folder}: can't be written ({error.strerror})", hint=hint)
