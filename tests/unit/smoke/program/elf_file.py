"""Writes the smallest ELF file with a dynamic section: what a loader reads, and no code."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path

X86_64, AARCH64 = 62, 183
_BASE = 0x400000
_HEADER = 64 + 2 * 56


def elf(
    *,
    soname: str = "",
    needed: Sequence[str] = (),
    rpath: str = "",
    runpath: str = "",
    needs_versions: Sequence[tuple[str, str]] = (),
    defines: Sequence[str] = (),
    weak: bool = False,
    machine: int = X86_64,
) -> bytes:
    """Return the file's bytes; addresses are file offsets plus a base, so that they have to be translated.

    With `weak` the loader does without the versions.
    """
    strings = bytearray(b"\0")

    def string(text: str) -> int:
        offset = len(strings)
        strings.extend(text.encode() + b"\0")
        return offset

    tags = [(1, string(name)) for name in needed]
    tags += [(tag, string(text)) for tag, text in ((14, soname), (15, rpath), (29, runpath)) if text]
    verneed = b"".join(
        struct.pack("<HHIII", 1, 1, string(library), 16, 0 if last else 32)
        + struct.pack("<IHHII", 0, 2 if weak else 0, 2, string(version), 0)
        for library, version, last in _with_last(needs_versions)
    )
    verdef = b"".join(
        struct.pack("<HHHHIII", 1, 0, 1, 1, 0, 20, 0 if last else 28) + struct.pack("<II", string(version), 0)
        for version, _, last in _with_last([(one, "") for one in defines])
    )
    at_strings = _BASE + _HEADER
    at_verneed = at_strings + len(strings)
    at_verdef = at_verneed + len(verneed)
    tags.append((5, at_strings))
    if needs_versions:
        tags += [(0x6FFFFFFE, at_verneed), (0x6FFFFFFF, len(needs_versions))]
    if defines:
        tags += [(0x6FFFFFFC, at_verdef), (0x6FFFFFFD, len(defines))]
    dynamic = b"".join(struct.pack("<qQ", tag, value) for tag, value in (*tags, (0, 0)))
    offset = at_verdef + len(verdef) - _BASE
    size = offset + len(dynamic)
    header = struct.pack(
        "<16sHHIQQQIHHHHHH", b"\x7fELF\x02\x01\x01", 3, machine, 1, 0, 64, 0, 0, 64, 56, 2, 0, 0, 0
    )
    segments = struct.pack("<IIQQQQQQ", 1, 5, 0, _BASE, _BASE, size, size, 4096)
    segments += struct.pack("<IIQQQQQQ", 2, 6, offset, _BASE + offset, 0, len(dynamic), len(dynamic), 8)
    return header + segments + bytes(strings) + verneed + verdef + dynamic


def _with_last(pairs: Sequence[tuple[str, str]]) -> list[tuple[str, str, bool]]:
    return [(first, second, index == len(pairs) - 1) for index, (first, second) in enumerate(pairs)]


def write_elf(path: Path, **parts: object) -> str:
    """Write an ELF file and return its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(elf(**parts))  # type: ignore[arg-type]
    return str(path)
