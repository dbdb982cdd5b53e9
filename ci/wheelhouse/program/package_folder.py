"""A wheelhouse or debhouse as it is written: files, lists, and a manifest of both by hash."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .atomic_write import write_atomically
from .content_store import ContentStore
from .obstacle import make_folder, remove, remove_obstacles

SCHEMA = 3


class PackageFolder:
    """The folder `folder`, filled with hard links to the files of `store`; complete once it is closed."""

    def __init__(self, folder: Path, store: ContentStore) -> None:
        self._folder, self._store = folder, store
        self._files: dict[str, str] = {}
        self._lists: dict[str, list[str]] = {}

    def add(self, path: str, digest: str) -> None:
        """Add the stored file with this hash under the name `path`."""
        target = self._folder / path
        make_folder(target.parent)
        if not target.is_file():
            remove(target)
        self._store.link(digest, target)
        self._files[path] = digest

    def write(self, path: str, content: str | bytes, mode: int = 0o644) -> None:
        """Write a file that only this folder has."""
        data = content if isinstance(content, bytes) else content.encode()
        remove_obstacles(self._folder / path)
        write_atomically(self._folder / path, data, mode)
        self._files[path] = hashlib.sha256(data).hexdigest()

    def list(self, name: str, paths: list[str], text: str, checked: Sequence[str] = ()) -> None:
        """Write the list `name`: `text` for the installer, `paths` for the manifest.

        The step that uses the list checks it and the files `checked` by `lists/NAME.sha256`, which has the
        form of sha256sum(1). Files whose hashes are in `text` are checked by the installer.
        """
        self.write(f"lists/{name}.txt", text)
        self._lists[name] = paths
        sums = [f"{self._files[path]}  {path}\n" for path in sorted({f"lists/{name}.txt", *checked})]
        self.write(f"lists/{name}.sha256", "".join(sums))

    def close(self, input_digest: str) -> None:
        """Remove files of an earlier fill, then write the manifest."""
        make_folder(self._folder)  # it may have no files
        remove_obstacles(self._folder / "manifest.json")
        for folder in {self._folder / path.partition("/")[0] for path in self._files if "/" in path}:
            for stale in folder.iterdir():
                if f"{folder.name}/{stale.name}" not in self._files:
                    remove(stale)
        for partial in self._folder.glob(".*"):  # of a killed program; one at a time fills this folder
            remove(partial)
        value: dict[str, Any] = {
            "schema": SCHEMA,
            "input": input_digest,
            "files": self._files,
            "lists": self._lists,
        }
        value["sha256"] = own_digest(value)
        write_atomically(self._folder / "manifest.json", json.dumps(value, indent=1, sort_keys=True) + "\n")


def own_digest(value: dict[str, Any]) -> str:
    """Return the digest that a manifest has of itself: the sha256 of its other entries as canonical JSON."""
    rest = {name: entry for name, entry in value.items() if name != "sha256"}
    text = json.dumps(rest, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()
