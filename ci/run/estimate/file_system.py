"""A file system that a run writes to, as a value. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Where = Literal["store", "temporary files", "state", "daemon"]
"""Layers and containers; what a commit writes for a moment, and cache mounts; all else that is kept; and what
Docker keeps, in which Dagger's engine has all of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileSystem:
    """One file system; `path` is the first place on it, `holds` says what is written there."""

    device: int
    path: Path
    holds: tuple[Where, ...]
    free_bytes: int
    used_bytes: int

    @property
    def text(self) -> str:
        """Where it is, and what for: `/var/dw/store (store, state)`."""
        return f"{self.path} ({', '.join(self.holds)})"
