"""Where the files of wheels are installed, and wheels that overwrite each other. Standard library only.

Of a wheel only its directory and two small files are read; nothing is extracted.

Source: PyPA, binary distribution format (`.data` folders, RECORD) and entry points specification.
"""

import configparser
import csv
import io
import re
import zipfile
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

SITE = "lib/python/site-packages"
"""The folder of modules in an environment; its real name has the version of Python."""
BELOW = {"purelib": SITE, "platlib": SITE, "scripts": "bin", "data": "", "headers": "include/site"}
"""Where the folders of `NAME.data` go, relative to the environment."""
SCRIPTS = ("console_scripts", "gui_scripts")
LIMIT_BYTES = 64 * 2**20
"""The largest RECORD that is read: that of torch has 1 MB."""
PACKED_OTHERWISE = 1 | 1 << 5 | 1 << 6
"""Flags of a file that is encrypted, or a patch of another. Source: APPNOTE.TXT 4.4.4."""
PACKINGS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
ENVIRONMENT = {
    "pyvenv.cfg": "the environment itself",
    f"{SITE}/_virtualenv.py": "the environment itself",
    f"{SITE}/_virtualenv.pth": "the environment itself",
} | dict.fromkeys(
    [f"bin/{name}" for name in ("python", "python3", "activate", "activate.csh", "activate.fish")],
    "the environment itself",
)
"""Files that `uv venv` makes."""
SHOWN = 3


@dataclass(frozen=True)
class Overlap:
    """Two distributions with a different file at one path; `path` is relative to the environment.

    `paths` says how many paths they differ in. `other` is how the second one writes the path.
    """

    first: str
    second: str
    path: str
    other: str
    paths: int

    @property
    def text(self) -> str:
        """What is wrong, without an end."""
        more = f" (and {self.paths - 1} more)" if self.paths > 1 else ""
        if self.other == self.path:
            return f"{self.first} and {self.second} have different files {self.path}{more}"
        if self.other.casefold() == self.path.casefold():
            return f"{self.path} of {self.first} and {self.other} of {self.second} differ in case alone{more}"
        return f"{self.path} of {self.first} is a file, and a folder in {self.second}: {self.other}{more}"


def wheel_contents(wheel: Path) -> dict[str, str]:
    """Return what identifies the content of each file of a wheel by its installed path.

    It is empty for a file that is no wheel; installing it fails.
    """
    try:
        with zipfile.ZipFile(wheel) as archive:
            files = [info for info in archive.infolist() if not info.is_dir()]
            info_folder = next(
                (one.filename.split("/")[0] for one in files if one.filename.endswith(".dist-info/WHEEL")), ""
            )
            hashes = _hashes(_text(archive, f"{info_folder}/RECORD"))
            scripts = _scripts(_text(archive, f"{info_folder}/entry_points.txt"))
    except (zipfile.BadZipFile, zlib.error, csv.Error, OSError, EOFError, ValueError):
        return {}
    found = {f"bin/{name}": f"script {target}" for name, target in scripts.items()}
    for info in files:
        path = _installed(info.filename)
        if path and not info.filename.startswith(f"{info_folder}/") and "/__pycache__/" not in path:
            digest = hashes.get(info.filename, "")
            found[path] = f"{info.file_size} {info.CRC:08x} {digest}"
    return found


def is_plain(info: zipfile.ZipInfo) -> bool:
    """Whether a file of an archive is neither encrypted nor packed in another way than by deflate."""
    return info.compress_type in PACKINGS and not info.flag_bits & PACKED_OTHERWISE


def overlaps(together: Iterable[Iterable[str]], contents: Mapping[str, Mapping[str, str]]) -> list[Overlap]:
    """Return the distributions of one environment that overwrite each other's files.

    `together` has the distributions of each environment, `contents` what `wheel_contents` returns of each.
    """
    found: dict[tuple[str, str], _Pair] = {}
    for names in together:
        _add_overlaps(list(dict.fromkeys(names)), contents, found)
    return [
        Overlap(first=first, second=second, path=pair.path, other=pair.other, paths=len(pair.paths))
        for (first, second), pair in sorted(found.items())
    ]


@dataclass
class _Pair:
    path: str
    other: str
    paths: set[str] = field(default_factory=set)


def _add_overlaps(
    names: list[str], contents: Mapping[str, Mapping[str, str]], found: dict[tuple[str, str], _Pair]
) -> None:
    owners: dict[str, tuple[str, str, str]] = {
        path.casefold(): (path, owner, "") for path, owner in ENVIRONMENT.items()
    }
    folders: dict[str, tuple[str, str]] = {}

    def add(first: tuple[str, str], second: tuple[str, str]) -> None:
        """Add a pair of (path, distribution)."""
        (path, one), (other, two) = first, second
        if one != two:
            pair = found.setdefault((one, two), _Pair(path, other))
            pair.paths.add(path)

    for name in names:
        for path, content in contents.get(name, {}).items():
            folded = path.casefold()
            known = owners.setdefault(folded, (path, name, content))
            if known[2] != content:
                add((known[0], known[1]), (path, name))
            folder = folded.rpartition("/")[0]
            while folder and folder not in folders:
                folders[folder] = path, name
                folder = folder.rpartition("/")[0]
    for folded, (path, owner, _) in owners.items():
        if folded in folders:
            add((path, owner), folders[folded])


def _installed(name: str) -> str:
    """Return where a file of a wheel goes, relative to the environment; empty for nowhere."""
    found = re.match(r"[^/]+\.data/([a-z]+)/(.+)", name)
    if found is None:
        return f"{SITE}/{name}"
    below = BELOW.get(found[1])
    if below is None:
        return ""
    if found[1] == "headers":
        below = f"{below}/{name.split('-')[0]}"
    return f"{below}/{found[2]}".lstrip("/")


def _hashes(record: str) -> dict[str, str]:
    return {row[0]: row[1] for row in csv.reader(io.StringIO(record)) if len(row) > 1}


def _scripts(entry_points: str) -> dict[str, str]:
    """Return what the scripts that are generated start, by their names."""
    parser = configparser.ConfigParser(delimiters=("=",), interpolation=None, strict=False)
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    try:
        parser.read_string(entry_points)
    except configparser.Error:
        return {}
    return {
        name: "".join(target.split())
        for group in SCRIPTS
        if parser.has_section(group)
        for name, target in parser.items(group)
    }


def _text(archive: zipfile.ZipFile, name: str) -> str:
    """Return a file of a wheel as text, empty if it has none, or one that is very large or encrypted."""
    try:
        info = archive.getinfo(name)
    except KeyError:
        return ""
    if info.file_size > LIMIT_BYTES or not is_plain(info):
        return ""
    return archive.read(info).decode(errors="replace")
