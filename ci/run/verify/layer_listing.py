"""What a layer holds, by its tar-split file: enough to name the first path that differs in two layers. Pure.

Source: github.com/vbatts/tar-split, tar/storage: a JSON line per entry. Type 1 is a file with its size and
the CRC64 of its content, type 2 the raw bytes between two contents, which end with the next file's header.
"""

from __future__ import annotations

import base64
import gzip
import json
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass, fields

from ci.bounded.parse import parse_object

FILE, SEGMENT = 1, 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One path of a layer; `content` is a checksum, empty where there is none."""

    kind: str
    mode: str
    owner: str
    time: int
    size: int
    link: str
    content: str


def listing(tar_split: bytes) -> dict[str, Entry]:
    """Return the entries of a layer by path, in its order.

    Raises:
        ValueError: these are not the bytes of a tar-split file.
    """
    found: dict[str, Entry] = {}
    header = b""
    try:
        for line in gzip.decompress(tar_split).splitlines():
            value = parse_object(line)
            raw = base64.b64decode(value["payload"] or "")
            if value["type"] == SEGMENT:
                header = raw[-tarfile.BLOCKSIZE :]
                continue
            info = tarfile.TarInfo.frombuf(header, "utf-8", "surrogateescape")
            name = value.get("name") or base64.b64decode(value["name_raw"]).decode(errors="surrogateescape")
            found[name] = Entry(
                kind=info.type.decode(),
                mode=f"{info.mode:04o}",
                owner=f"{info.uid}:{info.gid}",
                time=int(info.mtime),
                size=int(value.get("size") or 0),
                link=info.linkname,
                content=raw.hex(),
            )
    except (OSError, EOFError, KeyError, TypeError, ValueError, tarfile.TarError) as error:
        raise ValueError(f"no tar-split file: {error}") from error
    return found


def first_difference(one: Mapping[str, Entry], other: Mapping[str, Entry]) -> str:
    """Return the first path that differs and in what, empty where nothing does."""
    for path in sorted({*one, *other}):
        if path not in other:
            return f"/{path}: only in the first build"
        if path not in one:
            return f"/{path}: only in the second build"
        for field in fields(Entry):
            before, after = (getattr(listed[path], field.name) for listed in (one, other))
            if before != after:
                return f"/{path}: {field.name} {before} and {after}"
    if list(one) != list(other):
        return "the order of the entries"
    return ""


def first_field(one: object, other: object, path: str = "") -> str:
    """Return the first field in which two JSON values differ, with both values; empty where none does."""
    if isinstance(one, dict) and isinstance(other, dict):
        for name in sorted({*one, *other}):
            found = first_field(one.get(name), other.get(name), f"{path}.{name}" if path else str(name))
            if found:
                return found
        return ""
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for place, (before, after) in enumerate(zip(one, other, strict=True)):
            found = first_field(before, after, f"{path}[{place}]")
            if found:
                return found
        return ""
    return "" if one == other else f"{path}: {_short(one)} and {_short(other)}"


def _short(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 200 else f"{text[:199]}…"
