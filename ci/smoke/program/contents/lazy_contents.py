"""The checks of the contents of the image that this runs in. Standard library only."""

from pathlib import Path
from typing import Any

from ..filesystem import Finding
from .checks import NAMES, Contents
from .file_tree import file_tree, mounts, unpacked

PARENT = Path(__file__).parents[1] / "parent.tree"
"""The files of the image that this one is based on."""


class LazyContents:
    """The checks of the contents; the files are listed by the first one that is done."""

    def __init__(self, request: dict[str, Any]) -> None:
        self._request = request
        self._contents: Contents | None = None

    names = NAMES

    def check(self, name: str) -> Finding:
        """Do one of the checks."""
        return dict(self._listed().checks())[name]()

    def closed(self) -> dict[str, list[str]]:
        """Return the paths that the checks could not read, by `uid:gid` of their owner.

        There is none where the files could not be listed: every check failed by that.
        """
        found: dict[str, list[str]] = {}
        for path, entry in (self._contents.closed if self._contents is not None else {}).items():
            found.setdefault(f"{entry.uid}:{entry.gid}", []).append(path)
        return found

    def _listed(self) -> Contents:
        if self._contents is None:
            tree, closed = file_tree("/", mounts())
            parent = unpacked(PARENT.read_text()) if PARENT.is_file() else None
            declared = {**self._request["contents"], "is_whole": self._request.get("is_whole", False)}
            only = tuple(self._request.get("only", ()))
            self._contents = Contents(
                root="/", tree=tree, parent=parent, declared=declared, closed=closed, only=only
            )
        return self._contents
