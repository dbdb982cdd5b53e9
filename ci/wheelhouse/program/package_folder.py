"""The folder of a wheelhouse or debhouse as it is written: files, lists, and a manifest of both by hash."""

import hashlib
import json
from pathlib import Path
from typing import Any

from .content_store import ContentStore, write_atomically

SCHEMA = 2


class PackageFolder:
    """The folder `folder`, filled with hard links to what `kept` has; complete once it is closed."""

    def __init__(self, folder: Path, kept: ContentStore) -> None:
        self._folder, self._kept = folder, kept
        self._files: dict[str, str] = {}
        self._lists: dict[str, list[str]] = {}

    def add(self, path: str, digest: str) -> None:
        """Give the kept file with this hash the name `path` in the house."""
        target = self._folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        self._kept.place(digest, target)
        self._files[path] = digest

    def write(self, path: str, content: str | bytes, mode: int = 0o644) -> None:
        """Write a file of the house's own."""
        target = self._folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        data = content if isinstance(content, bytes) else content.encode()
        write_atomically(target, data, mode)
        self._files[path] = hashlib.sha256(data).hexdigest()

    def list(self, name: str, paths: list[str], text: str) -> None:
        """Write the list `name`: `text` for the installer, `paths` for the manifest."""
        self.write(f"lists/{name}.txt", text)
        self._lists[name] = paths

    def close(self, input_digest: str) -> None:
        """Remove what does not belong here, then write the manifest."""
        self._folder.mkdir(parents=True, exist_ok=True)  # it may hold nothing
        for folder in {self._folder / path.partition("/")[0] for path in self._files if "/" in path}:
            for stale in folder.iterdir():
                if f"{folder.name}/{stale.name}" not in self._files:
                    stale.unlink()
        value: dict[str, Any] = {
            "schema": SCHEMA,
            "input": input_digest,
            "files": self._files,
            "lists": self._lists,
        }
        value["sha256"] = own_digest(value)
        write_atomically(self._folder / "manifest.json", json.dumps(value, indent=1, sort_keys=True) + "\n")


def own_digest(value: dict[str, Any]) -> str:
    """Return what a manifest says of itself: the sha256 of its other entries as canonical JSON."""
    rest = {name: entry for name, entry in value.items() if name != "sha256"}
    text = json.dumps(rest, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()
