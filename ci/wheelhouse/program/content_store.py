"""Files kept under their sha256, once for every house: houses have hard links to them."""

import hashlib
import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path

from .failure import FetchingError

NO_SPACE = "no space left; make room (`dockwright gc` says what can go), or give dockwright another --root"


def sha256(path: Path) -> str:
    """Return the hash of a file: 64 hex digits."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def marks(path: Path) -> list[int]:
    """Return what changes when a file does: size, time of the content in ns, inode.

    Not the time of the inode's own change: another hard link to the file changes that. So a file that was
    changed and given its old time by hand is taken for the old one; uv checks a wheel's hash once more.
    """
    status = path.stat()
    return [status.st_size, status.st_mtime_ns, status.st_ino]


@dataclass(frozen=True)
class ContentStore:
    """The files under `folder`, and what of them is on its way under `parts`.

    `known` has the `marks` of files by the hash that they were seen to have.
    """

    folder: Path
    parts: Path
    known: dict[str, list[list[int]]] = field(default_factory=dict)

    def path(self, digest: str) -> Path:
        """Return where the file with this hash is kept."""
        return self.folder / digest

    def holds(self, digest: str) -> bool:
        """Whether the file with this hash is there; one that is no longer what its name says is removed."""
        path = self.path(digest)
        if not path.is_file():
            return False
        if marks(path) in self.known.get(digest, []) or sha256(path) == digest:
            return True
        path.unlink()
        return False

    def add(self, source: Path) -> str:
        """Take in a file that was made here; return its hash."""
        digest = sha256(source)
        if not self.holds(digest):
            part = self.parts / f"{digest}.part"
            shutil.copyfile(source, part)
            part.chmod(0o644)
            part.replace(self.path(digest))
        return digest

    def place(self, digest: str, target: Path) -> None:
        """Give the file with this hash the name `target` too, whatever had it before."""
        source = self.path(digest)
        if target.exists() and target.samefile(source):
            return
        part = target.with_name(f".{target.name}.part")
        part.unlink(missing_ok=True)
        try:
            os.link(source, part)
        except OSError:  # another user's file, or a file system without links
            shutil.copyfile(source, part)
        part.replace(target)


def write_atomically(path: Path, content: str | bytes, mode: int = 0o644) -> None:
    """Write `content` to `path` so that a reader sees the old file or the new one."""
    part = path.with_name(f".{path.name}.part")
    part.write_bytes(content if isinstance(content, bytes) else content.encode())
    part.chmod(mode)
    part.replace(path)


def open_content_store(houses: Path, known: dict[str, list[list[int]]]) -> ContentStore:
    """Return what is kept in the folder `houses`, which is made where it is missing."""
    os.umask(0o022)
    kept = ContentStore(folder=houses / "kept", parts=houses / "parts", known=known)
    for folder in (kept.folder, kept.parts):
        folder.mkdir(parents=True, exist_ok=True)
    return kept


def full(error: OSError, folder: Path) -> FetchingError:
    """Return the failure that an error of writing below `folder` is."""
    what = NO_SPACE if error.errno == 28 else f"can't be written ({error.strerror})"
    return FetchingError(kind="disk", text=f"{folder}: {what}")
