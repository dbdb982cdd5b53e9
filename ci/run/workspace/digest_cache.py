"""What was measured once and stays true: a file of the state with a value for each digest."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ci.run.workspace.atomic_write import write_atomically


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestCache:
    """Values by digest in the file `path`, the `most` that were added last; one that is gone is empty."""

    path: Path
    most: int

    def values(self) -> dict[str, Any]:
        """Return all values."""
        try:
            return dict(json.loads(self.path.read_text()))
        except (OSError, ValueError, TypeError):
            return {}

    def add(self, new: Mapping[str, Any]) -> None:
        """Keep these too."""
        if new:
            values = {**self.values(), **new}
            kept = dict(list(values.items())[-self.most :])
            write_atomically(self.path, json.dumps(kept, separators=(",", ":")))
