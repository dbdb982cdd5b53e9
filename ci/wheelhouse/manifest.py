"""The manifest of a wheelhouse or debhouse: what it holds, by hash, and which image uses what."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ci.errors import FetchError
from ci.plan.keys import digest


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What a folder holds.

    `files`: sha256 by relative path; `lists`: the paths that each image uses; `input`: digest of the input
    document that it was made from.
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
        FetchError: there is none, or it can't be read.
    """
    path = folder / "manifest.json"
    try:
        document: dict[str, Any] = json.loads(path.read_text())
        if document["schema"] != 1:
            raise FetchError(f"{path}: schema {document['schema']}; this version reads schema 1")
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
        raise FetchError(f"{path}: can't be read ({error}); delete the folder and fetch it again") from error


def verify(manifest: Manifest, seen: dict[str, list[Any]]) -> list[str]:
    """Return what is wrong with the files of `manifest`, a sentence each.

    `seen` remembers (size, mtime in ns, inode, sha256) by path, so that an untouched file is hashed once;
    it is updated in place.
    """
    wrong = []
    for path, expected in sorted(manifest.files.items()):
        file = manifest.folder / path
        try:
            status = file.stat()
        except OSError:
            wrong.append(f"{file}: missing")
            continue
        mark = [status.st_size, status.st_mtime_ns, status.st_ino]
        known = seen.get(str(file))
        if known is not None and known[:3] == mark:
            actual = known[3]
        else:
            with file.open("rb") as stream:
                actual = hashlib.file_digest(stream, "sha256").hexdigest()
            seen[str(file)] = [*mark, actual]
        if actual != expected:
            wrong.append(f"{file}: sha256 is {actual[:12]}…, the manifest says {expected[:12]}…")
    return wrong
