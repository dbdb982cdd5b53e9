"""Wheels that are compiled from sdists here, by their wheel-build key."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from .atomic_write import write_atomically
from .content_store import ContentStore
from .line import REQUIREMENT, SHA256, WHEEL_FILE, Line
from .obstacle import make_folder, remove_obstacles


class Compiled:
    """The compiled wheels: `folder/KEY.json` names the file, which the content store has like every other."""

    def __init__(self, folder: Path, store: ContentStore) -> None:
        self._folder, self._store = folder, store
        make_folder(folder)

    def find(self, key: str, on_chunk: Callable[[], None] = lambda: None) -> Line | None:
        """Return the wheel with this key; None where the content store does not have it.

        `on_chunk` is as in `ContentStore.has`.
        """
        try:
            path = self._folder / f"{key}.json"
            if not path.is_file():  # a pipe would be waited for
                return None
            value = json.loads(path.read_text())
            line = Line(requirement=value["requirement"], sha256=value["sha256"], file=value["file"])
            valid = SHA256.fullmatch(line.sha256) and WHEEL_FILE.fullmatch(line.file)
            valid = valid and REQUIREMENT.fullmatch(line.requirement)
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return None
        if not valid:
            return None
        return line if self._store.has(line.sha256, on_chunk) else None

    def add(self, key: str, made: tuple[Line, Path]) -> Line:
        """Store a wheel under its key and return its line."""
        sdist, wheel = made
        line = replace(sdist, sha256=self._store.add(wheel), file=wheel.name)
        value = {"requirement": line.requirement, "sha256": line.sha256, "file": line.file}
        remove_obstacles(self._folder / f"{key}.json")
        write_atomically(self._folder / f"{key}.json", json.dumps(value) + "\n")
        return line
