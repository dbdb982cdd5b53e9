"""A small root file system with a Debian package, a wheel, a file of the stack and accounts, in a folder."""

from __future__ import annotations

import base64
import hashlib
import importlib.util
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ci.smoke.program.contents.checks import Contents
from ci.smoke.program.contents.file_tree import Tree, file_tree
from ci.smoke.program.filesystem import Finding

SITE = "/opt/venv/lib/python3.11/site-packages"
CODE = b"x = 1\n"
HEADER = b"\xa7\r\r\n" + b"\x01\0\0\0"
"""The magic number of a version of Python, and the flags of bytecode that holds without its source's time."""


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def record_line(path: str, data: bytes) -> str:
    digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
    return f"{path},sha256={digest},{len(data)}\n"


@dataclass
class Root:
    """The folder, and what the image's steps declare; `owners` are those of paths that are not root's."""

    folder: Path
    declared: dict[str, Any] = field(default_factory=dict)
    owners: dict[str, tuple[int, int]] = field(default_factory=dict)
    parent: Tree | None = None

    def write(self, path: str, data: bytes | str = b"", mode: int = 0o644) -> None:
        file = self.folder / path[1:]
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data if isinstance(data, bytes) else data.encode())
        file.chmod(mode)

    def read(self, path: str) -> str:
        return (self.folder / path[1:]).read_text()

    def remove(self, path: str) -> None:
        (self.folder / path[1:]).unlink()

    def tree(self) -> Tree:
        """Return all paths, which belong to root whoever runs the test."""
        found, _ = file_tree(str(self.folder))
        return {
            path: replace(
                entry,
                uid=self.owners.get(path, (0, 0))[0],
                gid=self.owners.get(path, (0, 0))[1],
                mode=entry.mode & ~0o022 if entry.kind == "d" else entry.mode,
            )
            for path, entry in found.items()
        }

    def checks(self) -> dict[str, Finding]:
        """Return how each check ends."""
        contents = Contents(
            root=str(self.folder), tree=self.tree(), parent=self.parent, declared=self.declared
        )
        return {name: inspect() for name, inspect in contents.checks()}

    def failed(self) -> dict[str, str]:
        """Return the details of the checks that fail."""
        return {name: detail for name, (status, detail) in self.checks().items() if status == "failed"}


def package(root: Root, name: str, files: dict[str, bytes], more: str = "") -> None:
    """Install a Debian package; `more` are lines of its stanza in dpkg's status."""
    folders = {"/."} | {str(one) for path in files for one in list(Path(path).parents)[:-1]}
    for path, data in files.items():
        root.write(path, data)
    sums = "".join(f"{hashlib.md5(data).hexdigest()}  {path[1:]}\n" for path, data in files.items())
    root.write(f"/var/lib/dpkg/info/{name}.list", "\n".join([*sorted(folders), *files]) + "\n")
    root.write(f"/var/lib/dpkg/info/{name}.md5sums", sums)
    status = root.folder / "var/lib/dpkg/status"
    before = status.read_text() if status.exists() else ""
    root.write("/var/lib/dpkg/status", f"{before}Package: {name}\nStatus: install ok installed\n{more}\n")


def wheel(root: Root, name: str, files: dict[str, bytes]) -> None:
    """Install a distribution, with bytecode."""
    info = f"{name.replace('-', '_')}-1.0.dist-info"
    all_ = {**files, f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n".encode()}
    for path, data in all_.items():
        root.write(f"{SITE}/{path}", data)
        if path.endswith(".py"):
            bytecode(root, f"{SITE}/{path}", data)
    lines = "".join(record_line(path, data) for path, data in all_.items())
    root.write(f"{SITE}/{info}/RECORD", f"{lines}{info}/RECORD,,\n")


def bytecode(root: Root, path: str, source: bytes) -> None:
    """Write the bytecode of `source` beside the file at `path`."""
    folder, _, file = path.rpartition("/")
    cached = f"{folder}/__pycache__/{file.removesuffix('.py')}.cpython-311.pyc"
    root.write(cached, HEADER + importlib.util.source_hash(source) + b"code")


def small_root(folder: Path) -> Root:
    """Return a root in which every check passes."""
    root = Root(folder)
    root.owners["/home/app"] = (1000, 1000)
    root.write("/etc/passwd", "root:x:0:0::/root:/bin/sh\napp:x:1000:1000::/home/app:/bin/sh\n")
    root.write("/etc/group", "root:x:0:\napp:x:1000:\n")
    (folder / "home/app").mkdir(parents=True)
    (folder / "lib").symlink_to("usr/lib")
    (folder / "root").mkdir()
    package(root, "base-files", {})
    root.write("/var/lib/dpkg/info/base-files.list", "/.\n/etc\n/root\n/var\n/var/lib\n")
    package(root, "libx", {"/usr/lib/libx.so.1": b"library", "/usr/share/x/data": b"data"})
    wheel(root, "thing", {"thing/__init__.py": CODE})
    root.write("/opt/app/api.py", CODE)
    root.write("/opt/venv/pyvenv.cfg", "home = /usr/bin\n")
    root.declared = {
        "files": [["/opt/app/api.py", "0644", sha256(CODE), ""]],
        "distributions": {"thing": "1.0"},
        "generated": [],
        "allows_generated": True,
        "paths": ["/home/app"],
        "is_whole": True,
        "venv": "/opt/venv",
        "python": "3.11",
        "user": "app",
        "uid": 1000,
        "gid": 1000,
    }
    return root
