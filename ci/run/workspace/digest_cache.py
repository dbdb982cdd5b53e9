"""The digest cache: a file of the state with a value for each digest, computed once."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ci.wheelhouse.program.atomic_write import write_atomically


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestCache:
    """Values by digest in the file `path`, the `most` that were added last; a missing file has none."""

    path: Path
    most: int

    def values(self) -> dict[str, Any]:
        """Return all values."""
        try:
            return dict(json.loads(self.path.read_text()))
        except (OSError, ValueError, TypeError):
            return {}

    def add(self, new: Mapping[str, Any]) -> None:
        """Add these values."""
        if new:
            values = {**self.values(), **new}
            newest = dict(list(values.items())[-self.most :])
            write_atomically(self.path, json.dumps(newest, separators=(",", ":")))
