"""Texts of apt: its configuration and sources, a status file, package stanzas, and what it would install."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from ci.catalog.stack import DebLine

ARCH = "amd64"
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"

_INSTALL = re.compile(r"Inst (?P<name>[^ :]+)(?::\S+)? (?:\[[^]]*\] )?\((?P<version>\S+) ")
_VIRTUAL = re.compile(r"^Package (?P<name>\S+) is a virtual package provided by:", re.MULTILINE)
_MISSING = re.compile(r"^E: Unable to locate package (?P<name>\S+)", re.MULTILINE)
_INDEX_FIELDS = ("Filename", "Size", "MD5sum", "SHA256", "Description", "Description-md5", "Tag")
_INHERITED = re.compile(r"Acquire::(?:https?|Retries|Check-(?:Valid-Until|Date)|Max-FutureTime)\b.*")
Stanza = Mapping[str, str]


def configuration(root: str, host: str) -> str:
    """Return an apt.conf that reads and writes below `root` alone.

    `host` is what `apt-config dump` prints: proxies, certificates and date checks of the machine apply here
    too, since they say how a mirror is reached.
    """
    inherited = [row for row in host.splitlines() if _INHERITED.fullmatch(row) and not row.endswith(' "";')]
    rows = [
        f'Dir "{root}/";',
        'Dir::State "state";',
        f'Dir::State::status "{root}/status";',
        'Dir::Cache "cache";',
        'Dir::Etc "etc";',
        'Dir::Log "log";',
        f'APT::Architecture "{ARCH}";',
        f'APT::Architectures {{ "{ARCH}"; }};',
        'APT::Sandbox::User "root";',
        'APT::Install-Recommends "false";',
        'Acquire::Languages "none";',
        'Debug::NoLocking "true";',
    ]
    return "\n".join([*rows, *inherited, ""])


def sources(suite: str, mirror: str, security_mirror: str) -> str:
    """Return deb822 sources of a Debian suite with its updates and security fixes, signed by Debian."""
    tail = f"Components: main\nArchitectures: {ARCH}\nSigned-By: {KEYRING}\n"
    return (
        f"Types: deb\nURIs: {mirror}\nSuites: {suite} {suite}-updates\n{tail}\n"
        f"Types: deb\nURIs: {security_mirror}\nSuites: {suite}-security\n{tail}"
    )


def preferences(pins: Iterable[DebLine]) -> str:
    """Return apt preferences that keep `pins` while a mirror has them; an unavailable one has no effect.

    Source: apt_preferences(5): a priority over 1000 wins against a newer version.
    """
    return "\n".join(f"Package: {pin.name}\nPin: version {pin.version}\nPin-Priority: 1001\n" for pin in pins)


def stanzas(text: str) -> list[Stanza]:
    """Return the stanzas of `apt-cache show`; a field of several lines has all of them."""
    found: list[Stanza] = []
    for block in text.split("\n\n"):
        fields: dict[str, str] = {}
        name = ""
        for row in block.splitlines():
            if row[:1] in {" ", "\t"}:
                fields[name] += f"\n{row}"
            elif row:
                name, _, value = row.partition(":")
                fields[name] = value.strip()
        if fields:
            found.append(fields)
    return found


def status(installed: Iterable[Stanza]) -> str:
    """Return a dpkg status file in which `installed` are installed, each once."""
    return "".join(_installed(stanza) for stanza in {each["Package"]: each for each in installed}.values())


def installs(text: str) -> tuple[tuple[str, str], ...]:
    """Return name and version of every package that `apt-get --simulate install` would install, sorted."""
    return tuple(sorted({(row["name"], row["version"]) for row in _INSTALL.finditer(text)}))


def provided(text: str) -> tuple[str, tuple[str, ...]]:
    """Return the virtual package that apt refused to install, and the packages that provide it.

    Source: apt-get(8) prints them, one an indented line, before the error.
    """
    found = _VIRTUAL.search(text)
    if found is None:
        return "", ()
    rows = text[found.end() :].split("\n")[1:]
    names = []
    for row in rows:
        if not row.startswith("  ") or not row.strip():
            break
        names.append(row.split()[0].partition(":")[0])
    return found["name"], tuple(dict.fromkeys(names))


def missing_package(text: str) -> str:
    """Return the package that apt does not know; empty where that is not the error."""
    found = _MISSING.search(text)
    return found["name"] if found else ""


def deb_lines(wanted: Sequence[tuple[str, str]], found: Iterable[Stanza]) -> tuple[DebLine, ...]:
    """Return the lines of the `wanted` names and versions from their stanzas, sorted by name.

    Where a mirror lists the same package twice, Debian's own pool is preferred to the security archive's.

    Raises:
        KeyError: one of `wanted` has no stanza with a file.
    """
    lines: dict[tuple[str, str], DebLine] = {}
    for stanza in found:
        key = stanza["Package"], stanza["Version"]
        if "Filename" not in stanza:
            continue
        line = DebLine(
            name=stanza["Package"],
            version=stanza["Version"],
            arch=stanza["Architecture"],
            sha256=stanza["SHA256"],
            size=int(stanza["Size"]),
            path=stanza["Filename"],
        )
        if key not in lines or line.path < lines[key].path:
            lines[key] = line
    return tuple(lines[key] for key in sorted(wanted))


def _installed(stanza: Stanza) -> str:
    rows = [f"Package: {stanza['Package']}", "Status: install ok installed"]
    rows += [f"{name}: {value}" for name, value in stanza.items() if name not in (*_INDEX_FIELDS, "Package")]
    return "\n".join([*rows, "Description: installed", "", ""])
