"""Whether a wheelhouse or debhouse is what the locks name, every file by hash."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ci.run.workspace.state import State
from ci.wheelhouse.input_document import locked_files
from ci.wheelhouse.manifest import Manifest, read_manifest, verify


def check_folder(
    folder: Path, document: dict[str, Any], state: State, on_chunk: Callable[[], None]
) -> tuple[Manifest, list[str]]:
    """Return the manifest of `folder` and how the folder differs from its input `document`, a sentence each.

    A file is hashed unless `state` has its hash; hashes are added to `state`, even if `on_chunk` raises.

    Raises:
        FetchError: the manifest is missing or can't be read.
    """
    manifest = read_manifest(folder)
    if manifest.input != document["input"]:
        return manifest, ["it was made from other locks"]
    errors = [
        f"{folder / path}: its lock has another sha256 than the manifest"
        for path, sha256 in sorted(locked_files(document).items())
        if manifest.files.get(path) != sha256
    ]
    if errors:
        return manifest, errors
    hashes = state.hashes()
    before = dict(hashes)
    try:
        return manifest, verify(manifest, hashes, on_chunk)
    finally:
        state.add_hashes({path: entry for path, entry in hashes.items() if before.get(path) != entry})
