"""Files of this process as the engine gets them: by content, wherever they lie."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import dagger


def written(client: dagger.Client, folder: Path) -> dagger.Directory:
    """Return the Python files of `folder`, which are few and small."""
    directory = client.directory()
    for path in sorted(folder.glob("*.py")):
        directory = directory.with_new_file(path.name, path.read_text(encoding="utf-8"), permissions=0o644)
    return directory
