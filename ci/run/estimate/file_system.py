"""A file system that a run writes to, as a value. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Where = Literal["store", "temporary files", "state", "daemon"]
"""What a folder is used for.

`store`: layers and containers. `temporary files`: what a commit writes, and cache mounts. `state`: all other
files of dockwright. `daemon`: the files of Docker, and so of Dagger's engine.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileSystem:
    """One file system; `path` is the first folder on it, `used_for` what is written there."""

    device: int
    path: Path
    used_for: tuple[Where, ...]
    free_bytes: int
    used_bytes: int

    @property
    def text(self) -> str:
        """Its folder and what it is used for: `/var/dw/store (store, state)`."""
        return f"{self.path} ({', '.join(self.used_for)})"
