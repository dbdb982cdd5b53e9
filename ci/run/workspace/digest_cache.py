"""The digest cache: a file of the state with a value for each digest, computed once."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from pydantic import TypeAdapter

from ci.run.workspace.state_file import Warn, exclusive, read_state, warn_once, write_state

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestCache(Generic[Value]):
    """Values of the form `form` by digest in the file `path`, the `most` that were added last.

    A missing file has none, a damaged one too.
    """

    path: Path
    most: int
    form: TypeAdapter[dict[str, Value]]
    warn: Warn = warn_once

    def values(self) -> dict[str, Value]:
        """Return all values."""
        return read_state(self.path, self.form, self.warn) or {}

    def add(self, new: Mapping[str, Any]) -> None:
        """Add these values."""
        if new:
            with exclusive(self.path.parent):
                values = {**self.values(), **new}
                newest = dict(list(values.items())[-self.most :])
                write_state(self.path, json.dumps(newest, separators=(",", ":")), self.warn)
