"""The document of measurements: each bench writes its own part, between two comments."""

from __future__ import annotations

import re
from pathlib import Path

PATH = Path(__file__).parents[1] / "docs/benchmarks.md"


def write_part(name: str, text: str) -> None:
    """Replace the part of the bench `name` in the document with `text`."""
    start, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    part = f"{start}\n{text}\n{end}"
    PATH.write_text(re.sub(f"{start}.*{end}", lambda _: part, PATH.read_text(), flags=re.DOTALL))
