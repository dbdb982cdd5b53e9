"""The digest of a file."""

from __future__ import annotations

import hashlib
from pathlib import Path

from ci.names.digest import Digest


def file_digest(path: Path) -> str:
    """Return the digest of what a file holds."""
    with path.open("rb") as file:
        return str(Digest(hashlib.file_digest(file, "sha256").hexdigest()))
