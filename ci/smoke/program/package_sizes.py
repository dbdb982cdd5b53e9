"""The contents of an image: bytes by Python distribution and by Debian package. Standard library only.

Run as a program, it prints one line of JSON. A file of two distributions counts for both.
"""

import contextlib
import importlib.metadata
import importlib.util
import json
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

STATUS = Path("/var/lib/dpkg/status")


def contents() -> dict[str, dict[str, int]]:
    """Return the bytes of each distribution and of each package of this file system."""
    return {"distributions": distributions(sys.path), "packages": packages(STATUS)}


def distributions(search: list[str]) -> dict[str, int]:
    """Return the bytes of the files in the RECORD of each distribution, and of their byte code.

    Names are normalised. Source: the PyPA's specifications of recording installed projects and of names.
    """
    found: dict[str, int] = {}
    for one in importlib.metadata.distributions(path=search):
        name = re.sub(r"[-_.]+", "-", one.metadata["Name"] or "").lower()
        if name and name not in found:
            paths = {path for file in one.files or () for path in _with_byte_code(str(file.locate()))}
            found[name] = sum(_size(path) for path in paths)
    return dict(sorted(found.items()))


def packages(status: Path) -> dict[str, int]:
    """Return the size of each installed package as dpkg records it; none without dpkg.

    Source: deb-substvars(5): Installed-Size is in units of 1024 bytes.
    """
    try:
        text = status.read_text(errors="replace")
    except OSError:
        return {}
    found = {}
    for entry in text.split("\n\n"):
        fields = dict(re.findall(r"^(Package|Status|Installed-Size): *(.*)$", entry, re.MULTILINE))
        if fields.get("Status", "").endswith(" installed"):
            with contextlib.suppress(KeyError, ValueError):
                found[fields["Package"]] = int(fields.get("Installed-Size", 0)) * 1024
    return dict(sorted(found.items()))


def _with_byte_code(path: str) -> Iterator[str]:
    yield os.path.normpath(path)
    if path.endswith(".py"):
        yield os.path.normpath(importlib.util.cache_from_source(path))


def _size(path: str) -> int:
    try:
        return os.lstat(path).st_size
    except OSError:
        return 0


if __name__ == "__main__":
    print(json.dumps(contents(), separators=(",", ":")))
