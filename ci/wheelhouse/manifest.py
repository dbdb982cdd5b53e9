"""The manifest of a wheelhouse or debhouse: its files by hash, and which list uses which."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ci.bounded.file import read_file
from ci.bounded.parse import parse_object
from ci.errors import FetchError
from ci.wheelhouse.program.content_store import file_stamp, sha256
from ci.wheelhouse.program.package_folder import SCHEMA, own_digest

WHEELS = "wheels/"
EXPORT = "export the folder again with `dockwright wheelhouse --export DIR`"


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """The files of a wheelhouse or debhouse.

    `files`: sha256 by relative path, of lists too; `lists`: the paths that each list names; `input`: digest
    of the input document that it was made from.
    """

    folder: Path
    input: str
    files: dict[str, str]
    lists: dict[str, tuple[str, ...]]

    def part(self, name: str) -> str:
        """Return the digest of what the list `name` uses; empty where there is no such list.

        It is part of the instruction that uses the list, since a layer cache may ignore what is mounted. It
        is that of a file of hashes, by which the step checks what it installs: see ci/lower/script.py.
        """
        return self.files.get(f"lists/{name}.sha256", "")

    def only(self, name: str) -> Manifest:
        """Return the manifest of what the list `name` uses alone."""
        paths = self.lists.get(name, ())
        return replace(self, files={path: self.files[path] for path in paths}, lists={name: paths})

    @property
    def size_bytes(self) -> int:
        """Bytes of all files."""
        return sum((self.folder / path).stat().st_size for path in self.files)


def read_manifest(folder: Path) -> Manifest:
    """Return the manifest of `folder`.

    Raises:
        FetchError: there is none, it can't be read, or it was changed after it was written.
    """
    path = folder / "manifest.json"
    try:
        document = parse_object(read_file(path))
        if document["schema"] != SCHEMA:
            raise FetchError(
                f"{path}: schema {document['schema']}, but this version reads schema {SCHEMA}", hint=EXPORT
            )
        if document["sha256"] != own_digest(document):
            raise FetchError(f"{path}: changed after it was written (its own sha256 differs)", hint=EXPORT)
        lists = {name: tuple(paths) for name, paths in document["lists"].items()}
        return Manifest(
            folder=folder, input=str(document["input"]), files=dict(document["files"]), lists=lists
        )
    except FileNotFoundError as error:
        raise FetchError(
            f"{folder}: no manifest.json, so this is not a wheelhouse or debhouse", hint=EXPORT
        ) from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise FetchError(f"{path}: can't be read ({error})", hint=EXPORT) from error


def verify(
    manifest: Manifest, hashes: dict[str, list[Any]], on_chunk: Callable[[], None] = lambda: None
) -> list[str]:
    """Return the errors of the files of `manifest`, a sentence each.

    `hashes` has the file stamp and the sha256 of files by path, so that an unchanged wheel is hashed once; it
    is updated in place. Stamps can be forged, so they count for wheels alone, which uv hashes when it
    installs them; what nobody else checks is hashed here each time. `on_chunk` is called before each chunk
    that is hashed; what it raises is not caught.
    """
    errors = []
    for path, expected in sorted(manifest.files.items()):
        file = manifest.folder / path
        if not file.is_file():
            errors.append(f"{file}: missing")
            continue
        try:
            stamp = file_stamp(file)
            known = hashes.get(str(file))
            if known is None or known[:-1] != stamp or not path.startswith(WHEELS):
                known = hashes[str(file)] = [*stamp, sha256(file, on_chunk)]
        except OSError as error:
            errors.append(f"{file}: {error}")
            continue
        if known[-1] != expected:
            errors.append(f"{file}: sha256 is {known[-1][:12]}…, but the manifest has {expected[:12]}…")
    return errors


def known_files(hashes: dict[str, list[Any]]) -> dict[str, list[list[int]]]:
    """Return the file stamps of wheels in `hashes` by sha256: a program need not hash those files again."""
    found: dict[str, list[list[int]]] = {}
    for path, entry in hashes.items():
        if path.endswith(".whl"):
            found.setdefault(str(entry[-1]), []).append(entry[:-1])
    return found
