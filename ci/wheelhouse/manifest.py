"""The manifest of a wheelhouse or debhouse: what it holds, by hash, and which image uses what."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ci.errors import FetchError
from ci.plan.keys import digest
from ci.wheelhouse.program.content_store import marks, sha256
from ci.wheelhouse.program.package_folder import SCHEMA, own_digest


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What a folder holds.

    `files`: sha256 by relative path, of lists too; `lists`: the paths that each list names; `input`: digest
    of the input document that it was made from.
    """

    folder: Path
    input: str
    files: dict[str, str]
    lists: dict[str, tuple[str, ...]]

    def part(self, name: str) -> str:
        """Return the digest of what the list `name` uses; empty where there is no such list.

        It stands in the instruction that uses the list, since a layer cache may ignore what is mounted.
        """
        if name not in self.lists:
            return ""
        return digest({path: self.files[path] for path in self.lists[name]})

    @property
    def size_bytes(self) -> int:
        """Bytes of all files."""
        return sum((self.folder / path).stat().st_size for path in self.files)


def read_manifest(folder: Path) -> Manifest:
    """Return the manifest of `folder`.

    Raises:
        FetchError: there is none, it can't be read, or it is not as it was written.
    """
    path = folder / "manifest.json"
    try:
        document: dict[str, Any] = json.loads(path.read_text())
        if document["schema"] != SCHEMA:
            raise FetchError(f"{path}: schema {document['schema']}; this version reads schema {SCHEMA}")
        if document["sha256"] != own_digest(document):
            raise FetchError(f"{path}: was changed after it was written (its own sha256 does not hold)")
        lists = {name: tuple(paths) for name, paths in document["lists"].items()}
        return Manifest(
            folder=folder, input=str(document["input"]), files=dict(document["files"]), lists=lists
        )
    except FileNotFoundError as error:
        raise FetchError(
            f"{folder}: no manifest.json, so this is no wheelhouse or debhouse; "
            "`dockwright wheelhouse --export DIR` writes one"
        ) from error
    except (ValueError, KeyError, TypeError) as error:
        raise FetchError(f"{path}: can't be read ({error})") from error


def verify(manifest: Manifest, seen: dict[str, list[Any]]) -> list[str]:
    """Return what is wrong with the files of `manifest`, a sentence each.

    `seen` remembers the `marks` and the sha256 of files by path, so that an untouched file is hashed once; it
    is updated in place.
    """
    wrong = []
    for path, expected in sorted(manifest.files.items()):
        file = manifest.folder / path
        try:
            mark = marks(file)
            known = seen.get(str(file))
            if known is None or known[:-1] != mark:
                known = seen[str(file)] = [*mark, sha256(file)]
        except OSError as error:
            wrong.append(f"{file}: missing" if isinstance(error, FileNotFoundError) else f"{file}: {error}")
            continue
        if known[-1] != expected:
            wrong.append(f"{file}: sha256 is {known[-1][:12]}…, the manifest says {expected[:12]}…")
    return wrong


def known_files(seen: dict[str, list[Any]]) -> dict[str, list[list[int]]]:
    """Return the marks of the files that `seen` remembers, by sha256: a program need not hash them again."""
    found: dict[str, list[list[int]]] = {}
    for mark in seen.values():
        found.setdefault(str(mark[-1]), []).append(mark[:-1])
    return found
