"""What an sdist requires, read from its files: no code of it runs.

Sources: Python packaging specifications "Source distribution format" and "Core metadata"; setuptools,
`requires.txt` in the folder `NAME.egg-info`.
"""

from __future__ import annotations

import gzip
import io
import json
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from email.parser import HeaderParser
from pathlib import PurePosixPath
from typing import IO, cast

from packaging.requirements import InvalidRequirement, Requirement

from ci.errors import LockError
from ci.locks.project import array, quoted
from ci.wheelhouse.program.wheel_contents import is_plain

FILE_BYTES = 2**20
"""Most bytes of a file that is read from an sdist."""
UNPACKED_BYTES = 2**30
"""Most bytes of an sdist, unpacked."""
MEMBERS = 200_000
WANTED = ("PKG-INFO", "requires.txt")
HINT = "require a version that has a wheel, or says what it requires in its metadata"


@dataclass(frozen=True, slots=True, kw_only=True)
class Metadata:
    """What a distribution requires, as requirement lines, with its extras and its Pythons."""

    name: str
    version: str
    requires: tuple[str, ...]
    extras: tuple[str, ...] = ()
    python: str = ""

    @property
    def text(self) -> str:
        """It as a table of uv's setting `dependency-metadata`. Source: uv, reference of settings."""
        rows = [
            f"name = {quoted(self.name)}",
            f"version = {quoted(self.version)}",
            f"requires-dist = {array(self.requires)}",
            f"provides-extra = {array(self.extras)}",
        ]
        rows += [f"requires-python = {quoted(self.python)}"] if self.python else []
        return "\n".join(["[[dependency-metadata]]", *rows, ""])


def read_metadata(name: str, version: str, file: str, data: bytes) -> Metadata:
    """Return what the sdist `file` of a distribution requires.

    Raises:
        LockError: it is no archive, or its files do not say it.
    """
    try:
        members = dict(_zip(data) if file.endswith(".zip") else _tar(data))
    except (tarfile.TarError, zipfile.BadZipFile, zlib.error, OSError, EOFError, ValueError) as error:
        raise LockError(f"{file}: is no sdist that can be read ({str(error)[:200]})") from error
    own = HeaderParser().parsestr(members.get("PKG-INFO", ""))
    if own.get_all("Requires-Dist"):
        found, extras = own.get_all("Requires-Dist") or [], own.get_all("Provides-Extra") or []
        return _metadata(name, version, found, extras, own.get("Requires-Python", ""))
    if "egg-info" in members:
        found, extras = parse_requires(members.get("requires.txt", ""))
        return _metadata(name, version, found, extras, own.get("Requires-Python", ""))
    raise LockError(
        f"{name} {version}: only its code says what it requires, and `lock` runs no code of a distribution",
        hint=HINT,
    )


def parse_requires(text: str) -> tuple[list[str], list[str]]:
    """Return the requirements of a `requires.txt`, with their markers, and the extras."""
    found: list[str] = []
    extras: list[str] = []
    condition = ""
    for row in (line.strip() for line in text.splitlines()):
        if row.startswith("[") and row.endswith("]"):
            extra, _, marker = row[1:-1].partition(":")
            extras += [extra] if extra and extra not in extras else []
            parts = [f"({marker})"] if marker else []
            condition = " and ".join([*parts, *([f"extra == {json.dumps(extra)}"] if extra else [])])
        elif row and not row.startswith("#"):
            found.append(f"{row} ; {condition}" if condition else row)
    return found, extras


def _metadata(name: str, version: str, requires: list[str], extras: list[str], python: str) -> Metadata:
    lines = tuple(" ".join(line.split()) for line in requires)
    for line in lines:
        try:
            url = Requirement(line).url
        except InvalidRequirement as error:
            raise LockError(f"{name} {version}: requires {line[:100]!r}, which can't be read") from error
        if url:
            raise LockError(f"{name} {version}: requires {line[:100]!r}, which is no release of an index")
    return Metadata(name=name, version=version, requires=lines, extras=tuple(extras), python=python.strip())


class _Limited:
    """A stream of which no more than `UNPACKED_BYTES` can be read."""

    def __init__(self, stream: gzip.GzipFile) -> None:
        self._stream, self._left = stream, UNPACKED_BYTES

    def read(self, size: int) -> bytes:
        """Return the next bytes. Raises ValueError where there are too many."""
        chunk = self._stream.read(size)
        self._left -= len(chunk)
        if self._left < 0:
            raise ValueError(f"it has more than {UNPACKED_BYTES >> 20} MiB unpacked")
        return chunk


def _tar(data: bytes) -> Iterator[tuple[str, str]]:
    plain = io.BytesIO(data)
    limited = cast("IO[bytes]", _Limited(gzip.GzipFile(fileobj=plain)))
    with tarfile.open(fileobj=limited, mode="r|") as archive:
        for number, member in enumerate(archive):
            if number > MEMBERS:
                raise ValueError(f"it has more than {MEMBERS} files")
            for name in _names(member.name):
                content = archive.extractfile(member) if member.isreg() and name in WANTED else None
                yield name, content.read(FILE_BYTES).decode("utf-8", "replace") if content else ""


def _zip(data: bytes) -> Iterator[tuple[str, str]]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for member in archive.infolist()[:MEMBERS]:
            for name in _names(member.filename):
                yield name, _member(archive, member) if name in WANTED else ""


def _member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> str:
    """Return the text of a file. Raises ValueError where it is encrypted, or packed as no sdist is."""
    if not is_plain(member):
        raise ValueError(f"{member.filename[:100]!r} is encrypted, or packed in another way than deflate")
    with archive.open(member) as content:
        return content.read(FILE_BYTES).decode("utf-8", "replace")


def _names(path: str) -> list[str]:
    """Return what a file of an sdist is for us: its own PKG-INFO, requires.txt, or part of an egg-info."""
    parts = PurePosixPath(path).parts
    if len(parts) == 2 and parts[1] == "PKG-INFO":
        return ["PKG-INFO"]
    inside = [number for number, part in enumerate(parts) if part.endswith(".egg-info")]
    if not inside or inside[0] > 3 or len(parts) != inside[0] + 2:
        return []
    return ["egg-info", "requires.txt"] if parts[-1] == "requires.txt" else ["egg-info"]
