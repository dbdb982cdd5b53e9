"""How both fetching programs start, and tell why they failed in a file beside what was fetched."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

from .content_store import full
from .failure import FetchingError


def run(fill: Callable[[Path, Path, str], None], input_path: str, houses: str, name: str) -> None:
    """Let `fill` make the house `name` by its input document; a failure ends this process with 1."""
    told = Path(houses, "parts", f"{name.replace('/', '-')}.failure")
    told.parent.mkdir(parents=True, exist_ok=True)
    told.unlink(missing_ok=True)
    try:
        try:
            fill(Path(input_path), Path(houses), name)
        except OSError as error:
            raise full(error, Path(houses)) from error
    except FetchingError as failed:
        print(failed.text, flush=True)
        value = {"kind": failed.kind, "text": failed.text, "gone": list(failed.gone)}
        try:
            told.write_text(json.dumps(value))
        except OSError:
            told.unlink(missing_ok=True)  # no room even for this: the output has the text
        sys.exit(1)
