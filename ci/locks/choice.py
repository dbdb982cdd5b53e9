"""Which one file of a distribution an image gets: the best wheel for its Python, else the sdist."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import chain

from packaging.tags import Tag, compatible_tags, cpython_tags
from packaging.utils import InvalidWheelFilename, parse_wheel_filename

GLIBC = (2, 36)
"""What Debian 12 has, the oldest base that images are based on."""

_LEGACY = {(2, 17): "manylinux2014", (2, 12): "manylinux2010", (2, 5): "manylinux1"}
_SDISTS = (".tar.gz", ".zip", ".tar.bz2")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseFile:
    """A file of one version of a distribution, as an index lists it; `sha256` is 64 hex digits.

    `size` is its bytes, 0 where the index does not say; `url` is where it is.
    """

    name: str
    sha256: str
    size: int = 0
    url: str = field(default="", compare=False)


def supported_tags(python: str, glibc: tuple[int, int] = GLIBC) -> tuple[Tag, ...]:
    """Return the wheel tags that CPython `python` (`3.11`) takes on x86_64 Linux, best first.

    Source: Python packaging specification "Platform compatibility tags"; PEP 600 for manylinux.
    """
    major, minor = (int(part) for part in python.split("."))
    platforms = []
    for old in range(glibc[1], 4, -1):
        platforms.append(f"manylinux_{glibc[0]}_{old}_x86_64")
        if (glibc[0], old) in _LEGACY:
            platforms.append(f"{_LEGACY[glibc[0], old]}_x86_64")
    platforms.append("linux_x86_64")
    interpreter = f"cp{major}{minor}"
    ours = cpython_tags((major, minor), [interpreter], platforms)
    return tuple(chain(ours, compatible_tags((major, minor), interpreter, platforms)))


def choose_file(files: Iterable[ReleaseFile], tags: Sequence[Tag]) -> ReleaseFile | None:
    """Return the wheel whose tag is first in `tags`, else the sdist; None where there is neither.

    Between wheels of one rank the higher build number wins, then the name that sorts first.
    """
    rank = {tag: number for number, tag in reversed(list(enumerate(tags)))}
    wheels: list[tuple[int, tuple[int, str], str, ReleaseFile]] = []
    sdists: list[tuple[int, str, ReleaseFile]] = []
    for file in files:
        if file.name.endswith(".whl"):
            try:
                _, _, build, offered = parse_wheel_filename(file.name)
            except InvalidWheelFilename:
                continue
            ranks = [rank[tag] for tag in offered if tag in rank]
            if ranks:
                number, text = build or (0, "")
                wheels.append((min(ranks), (-number, text), file.name, file))
        else:
            for place, ending in enumerate(_SDISTS):
                if file.name.endswith(ending):
                    sdists.append((place, file.name, file))
    if wheels:
        return min(wheels, key=lambda entry: entry[:3])[-1]
    return min(sdists, key=lambda entry: entry[:2])[-1] if sdists else None
