"""How long each task took when it was last done: what the longest path is found by."""

import contextlib
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Annotated

from pydantic import Field, TypeAdapter

from ci.run.tasks.task import Outcome, Result

_SECONDS = TypeAdapter(dict[str, Annotated[float, Field(ge=0, strict=True, allow_inf_nan=False)]])


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """Seconds by task id."""

    seconds: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))

    def expected_s(self, task: str, *, otherwise: float) -> float:
        """Return how long `task` took when it was last done, `otherwise` when that is not known."""
        return self.seconds.get(task, otherwise)

    def with_results(self, results: Mapping[str, Result]) -> "History":
        """Return this history with the times of what `results` built; what was reused says nothing."""
        built = {id_: one.seconds for id_, one in results.items() if one.outcome is Outcome.built}
        return History(seconds=MappingProxyType({**self.seconds, **built}))


def read_history(path: Path, *, warn: Callable[[str], None]) -> History:
    """Return the history kept at `path`; none when there is no such file, or it can't be read (a warning)."""
    try:
        seconds = _SECONDS.validate_json(path.read_bytes())
    except FileNotFoundError:
        return History()
    except (OSError, ValueError):
        warn(
            f"{path}: the times of earlier runs can't be read and are ignored; "
            "this run starts the file anew, its order of tasks is a guess"
        )
        return History()
    return History(seconds=MappingProxyType(seconds))


def write_history(path: Path, history: History, *, warn: Callable[[str], None]) -> None:
    """Keep `history` at `path`, whole or not at all; a failure is a warning."""
    partial = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_text(
            json.dumps(dict(history.seconds), indent=1, sort_keys=True) + "\n", encoding="utf-8"
        )
        partial.replace(path)
    except OSError as error:
        warn(f"{path}: the times of this run can't be kept ({error}); the next one guesses")
        with contextlib.suppress(OSError):
            partial.unlink()
