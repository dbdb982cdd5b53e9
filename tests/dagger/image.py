"""What a lowering makes, without an engine: a file tree and a config, that each instruction changes.

A program that runs is known by its effect alone: a record of all that it could have seen (its words, user,
folder, environment, mounts, and the whole tree before it). So two images are equal only if each of their
programs ran on the same tree. Of the commands that steps use, those that make folders are carried out.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from posixpath import dirname

ROOT = "0:0"
_FOLDER = re.compile(r"install -d -o (\d+) -g (\d+) -m (\d+) (\S+)")


@dataclass(frozen=True, slots=True)
class Node:
    """A folder (without content), a file, or what a program did."""

    mode: int
    owner: str
    content: str | None = None


@dataclass(slots=True)
class Image:
    """A tree by absolute path, and the config."""

    tree: dict[str, Node] = field(default_factory=dict)
    env: dict[str, str] = field(default_factory=dict)
    user: str = ROOT
    workdir: str = "/"
    entrypoint: tuple[str, ...] = ()
    cmd: tuple[str, ...] = ()
    labels: dict[str, str] = field(default_factory=dict)

    def copied(self) -> Image:
        """Return an image of its own with the same content."""
        return deepcopy(self)

    def folder(self, path: str) -> None:
        """Make a folder and those above it, where they are missing."""
        while path not in ("/", ""):
            self.tree.setdefault(path, Node(0o755, ROOT))
            path = dirname(path)

    def file(self, path: str, content: str, mode: int, owner: str) -> None:
        """Write a file, and the folders above it."""
        self.folder(dirname(path))
        self.tree[path] = Node(mode, owner, content)

    def copy_tree(self, tree: str, target: str, owner: str) -> None:
        """Copy the tree `tree` of the build context to `target`; what was copied before stays beside it."""
        count = sum(path.startswith(f"{target}/copied ") for path in self.tree)
        self.file(f"{target}/copied {count}", tree, 0o644, owner)

    def run(self, argv: tuple[str, ...], mounts: Mapping[str, str]) -> None:
        """Run a program with `mounts`: what lies at each path."""
        if self.workdir != "/" and self.workdir not in self.tree:
            raise AssertionError(f"{argv} starts in {self.workdir}, which nothing has made")
        seen = (argv, self.user, self.workdir, sorted(self.env.items()), sorted(mounts.items()), self.digest)
        effect = hashlib.sha256(repr(seen).encode()).hexdigest()
        for uid, gid, mode, path in _FOLDER.findall(argv[-1]):
            self.folder(dirname(path))
            self.tree[path] = Node(int(mode, 8), f"{uid}:{gid}")
        count = sum(path.startswith("ran ") for path in self.tree)
        self.tree[f"ran {count}"] = Node(0, self.user, effect)

    @property
    def digest(self) -> str:
        """Of the tree."""
        return hashlib.sha256(repr(sorted(self.tree.items())).encode()).hexdigest()


def outside() -> Image:
    """Return an image that nothing of this project made."""
    return Image(
        tree={"/mnt": Node(0o755, ROOT), "/etc/passwd": Node(0o644, ROOT, "passwd")},
        env={"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8"},
        cmd=("python3",),
    )
