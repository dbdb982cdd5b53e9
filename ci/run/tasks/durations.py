"""The file of the times of earlier runs, from which the longest path of a run is estimated."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import MappingProxyType
from typing import Annotated

from pydantic import Field, TypeAdapter

from ci.bounded.file import read_file
from ci.bounded.parse import parse_json
from ci.run.tasks.history import History
from ci.run.workspace.state_file import write_state

_SECONDS = TypeAdapter(dict[str, Annotated[float, Field(ge=0, strict=True, allow_inf_nan=False)]])


def read_history(path: Path, *, warn: Callable[[str], None]) -> History:
    """Return the history kept at `path`; none when there is no such file, or it can't be read (a warning)."""
    try:
        seconds = _SECONDS.validate_python(parse_json(read_file(path)))
    except FileNotFoundError:
        return History()
    except (OSError, ValueError):
        warn(
            f"{path}: the times of earlier runs can't be read and are ignored; "
            "this run writes the file again, and the order of its tasks is a guess"
        )
        return History()
    return History(seconds=MappingProxyType(seconds))


def write_history(path: Path, history: History, *, warn: Callable[[str], None]) -> None:
    """Write `history` to `path`; an error is a warning."""
    write_state(path, json.dumps(dict(history.seconds), indent=1, sort_keys=True) + "\n", warn)
