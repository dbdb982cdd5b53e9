"""uv's resolution of a project: the locked distributions with their files, and what each group needs."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from packaging.markers import Marker
from packaging.utils import canonicalize_name

from ci.errors import LockError
from ci.locks.choice import ReleaseFile
from ci.locks.project import INDEX, MARKERS
from ci.names.digest import parse_digest

OWN = {"virtual": "."}
"""The source of the project itself, whose name uv writes in a form of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Distribution:
    """One locked distribution with all files that the index has of that version."""

    name: str
    version: str
    files: tuple[ReleaseFile, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolution:
    """What a project resolved to: distributions by name, and names by group, parents' included."""

    distributions: Mapping[str, Distribution]
    groups: Mapping[str, frozenset[str]]


def parse_uv_lock(text: str, project: str) -> dict[str, Distribution]:
    """Return the distributions of the uv.lock of `project` by name.

    Raises:
        LockError: one of them does not come from the default index, or is there twice.

    Source: uv's documentation, "Project layout: the lockfile".
    """
    found: dict[str, Distribution] = {}
    for package in tomllib.loads(text)["package"]:
        name = package["name"]
        if package["source"] == OWN:
            continue
        if package["source"] != {"registry": INDEX}:
            raise LockError(
                f"{project}: {name} comes from {package['source']}, not from {INDEX}, so the lock would be "
                "valid on this machine only",
                hint="require a release of the default index",
            )
        if name in found:
            raise LockError(
                f"{project}: {name} resolved to both {found[name].version} and {package['version']}, one per "
                "environment marker, but an image has one version",
                hint="narrow the requirement",
            )
        listed = [*package.get("wheels", ()), *([package["sdist"]] if "sdist" in package else ())]
        files = tuple(_file(file) for file in listed)
        found[name] = Distribution(name=name, version=package["version"], files=files)
    return found


def parse_export(text: str, python: str) -> frozenset[str]:
    """Return the names that `uv export` lists and that `python` (`3.11`) on x86_64 Linux needs.

    A marker is evaluated for the first and for a late patch release, since bases have different ones.
    """
    names = set()
    for row in text.splitlines():
        requirement, _, marker = row.partition(" ; ")
        name, pinned, _ = requirement.partition("==")
        if pinned and _holds(marker.strip(), python):
            names.add(canonicalize_name(name.strip()))
    return frozenset(names)


def _holds(marker: str, python: str) -> bool:
    return not marker or any(
        Marker(marker).evaluate(_environment(f"{python}.{patch}", python)) for patch in (0, 99)
    )


def _environment(full: str, python: str) -> dict[str, str]:
    return {
        **MARKERS,
        "implementation_version": full,
        "platform_release": "",
        "platform_version": "",
        "python_full_version": full,
        "python_version": python,
    }


def _file(entry: dict[str, Any]) -> ReleaseFile:
    return ReleaseFile(
        name=unquote(entry["url"].rsplit("/", 1)[-1]),
        sha256=parse_digest(entry["hash"]).hex,
        size=entry.get("size", 0),
        url=entry["url"],
    )
