"""What dpkg knows of a root file system: its files, their md5 and what it left out. Standard library only.

Source: deb-md5sums(5), dpkg(1) (path-exclude), dpkg-divert(1), deb822(5).
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

from .file_tree import Links

DPKG = "/var/lib/dpkg"
CONFIGURATION = ("/etc/dpkg/dpkg.cfg", "/etc/dpkg/dpkg.cfg.d/*")


@dataclass(slots=True)
class Debian:
    """The installed packages of a root; none where it `is_absent`.

    `owners` has the packages of each path, `md5` the digest that a file must have by its path and package,
    `lists` the file in which dpkg has a package's paths. Paths are without links in their folders.
    """

    owners: dict[str, set[str]] = field(default_factory=dict)
    md5: dict[str, tuple[str, str]] = field(default_factory=dict)
    lists: dict[str, str] = field(default_factory=dict)
    rules: list[tuple[bool, str]] = field(default_factory=list)
    is_absent: bool = False

    def left_out(self, path: str) -> bool:
        """Whether dpkg was told not to install `path`. Source: dpkg(1): the last rule that matches counts."""
        return next((out for out, pattern in reversed(self.rules) if fnmatchcase(path, pattern)), False)


def read_debian(root: str, links: Links) -> Debian:
    """Return what dpkg knows of `root`."""
    base = root.rstrip("/")
    status = Path(f"{base}{DPKG}/status")
    if not status.is_file():
        return Debian(is_absent=True)
    found = Debian(rules=list(_rules(base)))
    diverted = _diversions(Path(f"{base}{DPKG}/diversions"), links)
    for stanza in _text(status).split("\n\n"):
        fields = dict(re.findall(r"^([A-Za-z-]+):[ \t]*(.*)$", stanza, re.MULTILINE))
        name = fields.get("Package", "")
        if not name or fields.get("Status", "").split(" ")[-1] in ("not-installed", "config-files"):
            continue
        info = Path(f"{base}{DPKG}/info")
        stem = next(
            (
                one
                for one in (name, f"{name}:{fields.get('Architecture', '')}")
                if (info / f"{one}.list").is_file()
            ),
            "",
        )
        if not stem:
            continue
        found.lists[name] = f"{DPKG}/info/{stem}.list"

        def placed(path: str, package: str = name) -> str:
            real = links.real(path)
            owner, target = diverted.get(real, (package, real))
            return real if owner == package else target

        for line in _text(info / f"{stem}.list").splitlines():
            if line not in ("/.", "/", ""):
                found.owners.setdefault(placed(line), set()).add(name)
        for line in _text(info / f"{stem}.md5sums").splitlines():
            digest, _, path = line.partition("  ")
            if path:
                found.md5[placed(f"/{path}")] = digest, name
        for path, digest in _conffiles(stanza):
            found.md5[placed(path)] = digest, name
    return found


def _conffiles(stanza: str) -> Iterable[tuple[str, str]]:
    """Yield the configuration files in a stanza of dpkg's status, but for obsolete ones."""
    block = re.search(r"^Conffiles:\n((?: .*\n?)+)", stanza, re.MULTILINE)
    for line in block[1].splitlines() if block else ():
        words = line.split()
        if len(words) == 2 and words[1] != "newconffile":
            yield words[0], words[1]


def _diversions(file: Path, links: Links) -> dict[str, tuple[str, str]]:
    """Return for each diverted path the package that keeps it, and where those of others are."""
    lines = _text(file).splitlines()
    return {
        links.real(lines[at]): (lines[at + 2], links.real(lines[at + 1]))
        for at in range(0, len(lines) - 2, 3)
    }


def _rules(base: str) -> Iterable[tuple[bool, str]]:
    """Yield what dpkg leaves out (True) or includes, in order."""
    for pattern in CONFIGURATION:
        for file in sorted(Path(f"{base}/").glob(pattern[1:])):
            for line in _text(file).splitlines():
                found = re.match(r"\s*path-(exclude|include)\s*=?\s*(\S+)", line)
                if found:
                    yield found[1] == "exclude", found[2].strip("\"'")


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return ""
