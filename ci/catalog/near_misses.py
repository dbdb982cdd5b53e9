"""Files of an image's folder whose names are almost those that are read: they would be ignored in silence."""

from __future__ import annotations

import re
from collections.abc import Collection
from difflib import get_close_matches
from fnmatch import fnmatchcase
from pathlib import PurePosixPath

from ci.catalog.document import ImageDocument
from ci.catalog.files import SMOKE
from ci.catalog.image import APT_LOCK
from ci.catalog.reading import IMAGE, Folder
from ci.catalog.requirements import SHARED
from ci.catalog.validation_errors import Invalid

READ = (IMAGE, APT_LOCK, SHARED, "requirements.lock", SMOKE)
_SEPARATORS = re.compile("[._-]")
READ_PATTERNS = ("requirements.*.in", "requirements.*.lock", "Dockerfile*")
SIMILAR = 0.85
"""Of 1: `image.tml` to `image.toml` is 0.95, `apt.log` to `apt.lock` 0.8."""
LISTS_OF_PACKAGES = ("apt.txt", "apt.in", "apt-packages.txt", "apt-requirements.txt", "packages.txt")


def check_near_misses(folder: Folder, document: ImageDocument, present: Collection[str]) -> None:
    """Add an error for each name in `present` that nothing reads, but that is similar to one that is read."""
    copied = {part for table in document.files for part in PurePosixPath(table.source).parts[:1]}
    for name in sorted(set(present) - copied):
        error = near_miss(name, document.parent)
        if error is not None:
            folder.errors.add(folder.file(name), "", *error)


def near_miss(name: str, variants: Collection[str] = ()) -> Invalid | None:
    """Return what is wrong with a file that looks like one that is read; None for every other name."""
    lower = name.lower()
    if (
        name in READ
        or lower == "requirements"
        or any(fnmatchcase(name, pattern) for pattern in READ_PATTERNS)
    ):
        return None
    if lower in LISTS_OF_PACKAGES:
        return "not read", f'list Debian packages in {IMAGE}: apt = ["NAME"]'
    if lower.startswith("requirement") and lower.endswith((".txt", ".in")):
        variant = next((variant for variant in variants if variant in _SEPARATORS.split(name)), "")
        meant = f"requirements.{variant}.in" if variant else SHARED
    else:
        close = get_close_matches(lower[:100], READ, n=1, cutoff=SIMILAR)
        if not close:
            return None
        meant = close[0]
    return misnamed(meant)


def misnamed(meant: str) -> Invalid:
    """Return what is wrong with a file that should be named `meant`, and the hint."""
    return f"not read: a file of this kind is named {meant}", f"rename it to {meant}"
