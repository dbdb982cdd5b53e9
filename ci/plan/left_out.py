"""What the folders of an image's files leave out, in one line. Pure."""

from __future__ import annotations

from collections import Counter
from posixpath import basename, splitext

from ci.catalog.left_out import is_cache
from ci.catalog.stack import ImageVariant
from ci.catalog.validation_errors import printable


def left_out_text(image: ImageVariant, *, caches: bool = True) -> str:
    """Return a line such as `asr: its files are without .env, 3 __pycache__`; empty where there is none.

    `caches`: whether what programs make again and again is named too.
    """
    counts: Counter[str] = Counter()
    for path in image.left_out:
        name = basename(path)
        if not is_cache(name):
            counts[path] += 1
        elif caches:
            counts[f"*{splitext(name)[1]}" if name.endswith((".pyc", ".pyo")) else name] += 1
    words = [f"{count} {word}" if count > 1 else word for word, count in sorted(counts.items())]
    return printable(f"{image.folder}: its files are without {', '.join(words)}") if words else ""
