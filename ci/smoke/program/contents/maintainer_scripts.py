"""Which package's maintainer scripts make a file that is in no package. Standard library only.

Source: Debian Policy 6.1, maintainer scripts.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

SCRIPTS = ("preinst", "postinst", "config", "triggers")
OWNERS = 3
"""A folder of more packages, or of base-files, says nothing about who makes a file in it."""
STATE = ("/etc/", "/var/")
"""Where packages make files in their own folders without naming each one."""


class MaintainerScripts:
    """The scripts in the folder `info`; `owners` has the packages of each path."""

    def __init__(self, info: Path, owners: Mapping[str, set[str]]) -> None:
        self._owners = owners
        self._scripts: dict[str, bytes] = {}
        for file in sorted(info.glob("*")):
            if file.suffix[1:] in SCRIPTS:
                name = file.stem.partition(":")[0]
                self._scripts[name] = self._scripts.get(name, b"") + _bytes(file)
        self._known: dict[str, str] = {}

    def maker(self, path: str) -> str:
        """Return the packages that make a path: by its name or that of a folder above it; empty for none."""
        found = self._naming(path)
        for folder in _above(path):
            if found:
                break
            found = self._of_folder(folder)
        return found

    def _of_folder(self, folder: str) -> str:
        if folder not in self._known:
            owners = self._owners.get(folder, set())
            is_own = folder.startswith(STATE) and 0 < len(owners) <= OWNERS and "base-files" not in owners
            self._known[folder] = ", ".join(sorted(owners)) if is_own else self._naming(folder)
        return self._known[folder]

    def _naming(self, path: str) -> str:
        whole = re.compile(re.escape(path.encode(errors="surrogateescape")) + rb"(?![\w.-])")
        names = [name for name, text in self._scripts.items() if whole.search(text)]
        return ", ".join(names[:OWNERS])


def _above(path: str) -> Iterator[str]:
    """Yield the folders above a path that belong to somebody: /etc/NAME, /var/lib/NAME and those below."""
    folder = path.rpartition("/")[0]
    while folder.count("/") >= (2 if folder.startswith("/etc/") else 3):
        yield folder
        folder = folder.rpartition("/")[0]


def _bytes(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError:
        return b""
