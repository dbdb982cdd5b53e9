"""What the installed Python distributions of an environment say of their files. Standard library only.

Source: the PyPA's specification of recording installed projects.
"""

import csv
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Recorded:
    """A file of a distribution; `sha256` is urlsafe base64 without padding, empty where none is recorded."""

    path: str
    sha256: str
    size: int | None


@dataclass(frozen=True, slots=True)
class Distribution:
    """An installed distribution: its normalised name, the path of its RECORD, and its files."""

    name: str
    version: str
    record: str
    files: tuple[Recorded, ...]


def distributions(root: str, site: str) -> Iterator[Distribution]:
    """Yield the distributions in the folder `site` of `root`.

    Raises:
        ValueError: a RECORD can't be read.
    """
    base = root.rstrip("/")
    for folder in sorted(Path(f"{base}{site}").glob("*.dist-info")):
        metadata = _metadata(folder / "METADATA")
        where = f"{site}/{folder.name}/RECORD"
        try:
            with (folder / "RECORD").open(encoding="utf-8", newline="") as stream:
                rows = [row for row in csv.reader(stream) if row]
            files = tuple(_recorded(site, row) for row in rows)
        except (OSError, ValueError, csv.Error) as error:
            raise ValueError(f"{where}: can't be read: {error}") from None
        name = re.sub(r"[-_.]+", "-", metadata.get("name", "")).lower()
        yield Distribution(name, metadata.get("version", ""), where, files)


def _recorded(site: str, row: list[str]) -> Recorded:
    name, digest, size = [*row, "", ""][:3]
    algorithm, _, value = digest.partition("=")
    path = os.path.normpath(os.path.join(site, name))  # noqa: PTH118 it does not exist here
    return Recorded(path, value if algorithm == "sha256" else "", int(size) if size else None)


def _metadata(file: Path) -> dict[str, str]:
    """Return the first Name and Version of a METADATA file. Source: core metadata specifications."""
    try:
        head = file.read_text(encoding="utf-8", errors="replace").split("\n\n", 1)[0]
    except OSError:
        return {}
    found: dict[str, str] = {}
    for key, value in re.findall(r"^(Name|Version):\s*(.*?)\s*$", head, re.MULTILINE):
        found.setdefault(key.lower(), value)
    return found
