"""Lock files as text: what `dockwright lock` writes and the catalog reads back.

One locked thing a line, sorted by name; `#` starts a header line. One of them has the digest of the
requirements, which shows a lock that is older than they are; one the digest of the lines, which shows a lock
that was edited by hand or merged.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Generic, TypeVar

from ci.catalog.stack import DebLine, LockLine

Line = TypeVar("Line", LockLine, DebLine)

_INPUTS = re.compile(r"# inputs: (sha256:[0-9a-f]{64})")
_LINES = re.compile(r"# lines: (\S*)")
EDITED = "the lines below are not those that were written: one was changed, added or removed"
_PYTHON = re.compile(
    r"(?P<name>[a-z0-9]+(?:-[a-z0-9]+)*)==(?P<version>[A-Za-z0-9][A-Za-z0-9.!+_-]*)"
    r" --hash=sha256:(?P<sha256>[0-9a-f]{64}) # (?P<file>[A-Za-z0-9][A-Za-z0-9.!+_-]*)"
    r"(?: (?P<size>[1-9][0-9]{0,17}))?"
)
_DEB = re.compile(
    r"(?P<name>[a-z0-9][a-z0-9+.-]+)=(?P<version>[0-9][A-Za-z0-9.+:~-]*) (?P<arch>[a-z0-9-]+)"
    r" sha256:(?P<sha256>[0-9a-f]{64}) (?P<size>[1-9][0-9]{0,17})"
    r" (?P<path>[A-Za-z0-9][A-Za-z0-9._+:~%/-]*\.deb)"
)
_ARCHIVES = (".whl", ".tar.gz", ".tar.bz2", ".zip")
_WRITTEN = "# Written by `dockwright lock`; edit what it asks for, not this file."


@dataclass(frozen=True, slots=True, kw_only=True)
class LockText(Generic[Line]):
    """A lock that was read: its lines sorted by name, and the errors in the text.

    `inputs` is the `sha256:…` of the requirements, or empty where no header has it; each of `errors` is
    a line number, counted from 1, and what is wrong there.
    """

    lines: tuple[Line, ...]
    inputs: str
    errors: tuple[tuple[int, str], ...]


def normalised_name(name: str) -> str:
    """Return the one spelling of a distribution's name.

    Source: Python packaging specification "Names and normalization" (PEP 503).
    """
    return re.sub(r"[-_.]+", "-", name).lower()


def inputs_digest(data: bytes) -> str:
    """Return the `sha256:…` of a requirement file's bytes, whatever its line endings and byte order mark."""
    text = data.removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n")
    return f"sha256:{sha256(text).hexdigest()}"


def packages_digest(packages: Iterable[str]) -> str:
    """Return the `sha256:…` of a list of Debian packages, whatever its order."""
    return inputs_digest("\n".join(sorted(packages)).encode())


def python_lock_text(lines: Iterable[LockLine], inputs: str, title: str) -> str:
    """Return the text of a Python lock; `inputs` comes from `inputs_digest`, `title` is its first line."""
    return _text(lines, inputs, title)


def apt_lock_text(lines: Iterable[DebLine], inputs: str, title: str) -> str:
    """Return the text of a Debian lock; `inputs` comes from `packages_digest`, `title` is its first line."""
    return _text(lines, inputs, title)


def parse_python_lock(text: str) -> LockText[LockLine]:
    """Read a Python lock; it never raises, every line that can't be read is one of `errors`."""
    return _parse(text, _python_line)


def parse_apt_lock(text: str) -> LockText[DebLine]:
    """Read a Debian lock; it never raises, every line that can't be read is one of `errors`."""
    return _parse(text, _deb_line)


def _text(lines: Iterable[LockLine] | Iterable[DebLine], inputs: str, title: str) -> str:
    ordered: Sequence[LockLine | DebLine] = sorted(lines, key=lambda line: line.name)
    rows = [line.written for line in ordered]
    return "\n".join([f"# {title}", _WRITTEN, f"# inputs: {inputs}", f"# lines: {_seal(rows)}", *rows, ""])


def _seal(rows: Iterable[str]) -> str:
    """Return the digest of a lock's lines, whatever their order and line endings."""
    return "sha256:" + sha256("\n".join(sorted(rows)).encode()).hexdigest()


def _python_line(text: str) -> LockLine | str:
    match = _PYTHON.fullmatch(text)
    if match is None or not match["file"].endswith(_ARCHIVES):
        return f"not of the form `NAME==VERSION --hash=sha256:HEX # FILENAME SIZE`: {text[:80]}"
    if not normalised_name(match["file"]).startswith(match["name"] + "-"):
        return f"the file {match['file']} does not belong to '{match['name']}'"
    return LockLine(
        name=match["name"],
        version=match["version"],
        sha256=match["sha256"],
        file=match["file"],
        size=int(match["size"] or 0),
    )


def _deb_line(text: str) -> DebLine | str:
    match = _DEB.fullmatch(text)
    if match is None or ".." in match["path"].split("/"):
        return f"not of the form `NAME=VERSION ARCH sha256:HEX SIZE PATH`: {text[:80]}"
    return DebLine(
        name=match["name"],
        version=match["version"],
        arch=match["arch"],
        sha256=match["sha256"],
        size=int(match["size"]),
        path=match["path"],
    )


def _parse(text: str, read: Callable[[str], Line | str]) -> LockText[Line]:
    seen: dict[str, Line] = {}
    errors: list[tuple[int, str]] = []
    inputs = ""
    seal: tuple[int, str] | None = None
    for number, raw in enumerate(text.splitlines(), start=1):
        row = raw.rstrip()
        if row.startswith("#"):
            header = _INPUTS.fullmatch(row)
            inputs = header[1] if header else inputs
            sealed = _LINES.fullmatch(row)
            seal = (number, sealed[1]) if sealed else seal
        elif row:
            line = read(row)
            if isinstance(line, str):
                errors.append((number, line))
            elif line.name in seen:
                errors.append((number, f"'{line.name}' is twice in this lock"))
            else:
                seen[line.name] = line
    if seal is not None and not errors and seal[1] != _seal(line.written for line in seen.values()):
        errors.append((seal[0], EDITED))
    return LockText(lines=tuple(seen[name] for name in sorted(seen)), inputs=inputs, errors=tuple(errors))
