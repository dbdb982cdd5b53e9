"""The files of a root file system by path, without their content. Standard library only."""

import base64
import json
import os
import re
import stat
import zlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

Tree = dict[str, "Entry"]
KINDS = {stat.S_IFREG: "f", stat.S_IFDIR: "d", stat.S_IFLNK: "l", stat.S_IFIFO: "p", stat.S_IFSOCK: "s"}
KINDS |= {stat.S_IFBLK: "b", stat.S_IFCHR: "c"}
NOT_OF_THE_IMAGE = {
    *("/proc", "/sys", "/dev", "/mnt", "/tmp", "/run/probe"),  # noqa: S108 compared only
    *(f"/etc/{name}" for name in ("hosts", "hostname", "resolv.conf", "mtab")),
    *("/.dockerenv", "/run/.containerenv", "/run/secrets"),
}
"""What an engine mounts or writes itself, in addition to what is mounted now."""
INODE_BITS = 2**40 - 1
"""An overlay may put the number of a layer's file system into the high bits of an inode number.

Source: overlayfs.rst of the kernel, section Inode properties.
"""

SAME_INODES = 0.5
"""Files of a parent are compared by inode if more than this part of them have the same ones."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One path: `kind` is `f`, `d`, `l` or another type of find(1); `link` is the target of a link."""

    kind: str
    mode: int
    uid: int
    gid: int
    size: int = 0
    inode: int = 0
    link: str = ""

    @property
    def visible(self) -> tuple[object, ...]:
        """What a change of the file changes, but for its content; the size of a folder means nothing."""
        return (self.kind, self.mode, self.uid, self.gid, self.size if self.kind == "f" else 0, self.link)


def file_tree(root: str = "/", mounted: Collection[str] = ()) -> tuple[Tree, dict[str, Entry]]:
    """Return every path below `root`, and the folders among them that can't be read.

    Paths start with `/`, whatever `root` is. What is `mounted` or not the image's is left out.
    """
    found: Tree = {}
    closed: dict[str, Entry] = {}
    left_out = {*NOT_OF_THE_IMAGE, *mounted}
    base = root.rstrip("/")
    folders = [""]
    while folders:
        folder = folders.pop()
        try:
            entries = list(os.scandir(f"{base}{folder}/"))
        except PermissionError:
            closed[folder] = found[folder]
            continue
        for one in entries:
            path = f"{folder}/{one.name}"
            if path in left_out:
                continue
            found[path] = _entry(one)
            if found[path].kind == "d":
                folders.append(path)
    return found, closed


def _entry(one: os.DirEntry[str]) -> Entry:
    status = one.stat(follow_symlinks=False)
    kind = KINDS[stat.S_IFMT(status.st_mode)]
    link = os.readlink(one.path) if kind == "l" else ""  # noqa: PTH115 a Path for each file takes too long
    mode = 0o777 if kind == "l" else stat.S_IMODE(status.st_mode)
    return Entry(kind, mode, status.st_uid, status.st_gid, status.st_size, status.st_ino & INODE_BITS, link)


def mounts() -> set[str]:
    """Return where something is mounted, but for the root.

    Source: proc(5), /proc/PID/mountinfo: the fifth field; a space in it is written by its octal code.
    """
    text = Path("/proc/self/mountinfo").read_text(errors="surrogateescape")
    fields = {line.split()[4] for line in text.splitlines()}
    return {re.sub(r"\\([0-7]{3})", lambda code: chr(int(code[1], 8)), field) for field in fields} - {"/"}


def packed(tree: Mapping[str, Entry]) -> str:
    """Return a tree as one word of ASCII."""
    values = {
        path: [one.kind, one.mode, one.uid, one.gid, one.size, one.inode, one.link]
        for path, one in tree.items()
    }
    return base64.b64encode(zlib.compress(json.dumps(values).encode(), 1)).decode()


def unpacked(word: str) -> Tree:
    """Return the tree that `packed` made a word of."""
    values = json.loads(zlib.decompress(base64.b64decode(word)))
    return {path: Entry(*fields) for path, fields in values.items()}


class Links:
    """Finds the real path of a path by the symbolic links of a tree (/lib is /usr/lib)."""

    def __init__(self, tree: Mapping[str, Entry]) -> None:
        self._tree = tree
        self._known: dict[str, str] = {"": "", "/": ""}

    def real(self, path: str) -> str:
        """Return `path` without symbolic links in its folders; its last part may be a link itself."""
        folder, _, name = path.rstrip("/").rpartition("/")
        return f"{self.folder(folder)}/{name}"

    def folder(self, path: str, depth: int = 0) -> str:
        """Return the path of a folder without symbolic links; empty for the root."""
        if path in self._known:
            return self._known[path]
        parent, _, name = path.rpartition("/")
        here = f"{self.folder(parent, depth)}/{name}"
        entry = self._tree.get(here)
        if entry is not None and entry.kind == "l" and depth < 40:
            target = os.path.normpath(os.path.join(os.path.dirname(here), entry.link))  # noqa: PTH118, PTH120
            here = self.folder("" if target == "/" else target, depth + 1)
        self._known[path] = here
        return here


def parents(paths: Iterable[str]) -> set[str]:
    """Return all folders above `paths`, without the root."""
    found: set[str] = set()
    for path in paths:
        folder = path.rpartition("/")[0]
        while folder and folder not in found:
            found.add(folder)
            folder = folder.rpartition("/")[0]
    return found


def changed_paths(tree: Tree, parent: Tree) -> set[str]:
    """Return the paths of `tree` that `parent` does not have, or not with the same mode, owner and content.

    Content is compared by size and, where an image's files have the same inodes as its parent's, by inode.
    """
    files = [(entry, parent[path]) for path, entry in tree.items() if entry.kind == "f" and path in parent]
    same = sum(one.inode == other.inode for one, other in files)
    by_inode = same > SAME_INODES * len(files)
    return {
        path
        for path, entry in tree.items()
        if (before := parent.get(path)) is None
        or before.visible != entry.visible
        or (by_inode and entry.kind == "f" and before.inode != entry.inode)
    }
