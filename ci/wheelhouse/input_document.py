"""The input documents of wheelhouses and debhouses: the files that a selection of images needs. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from ci.catalog.stack import DebLine, ImageVariant, Stack
from ci.plan.keys import digest, wheel_build
from ci.plan.recipes import apt_list, wheel_lists
from ci.steps.bootstrap import DEBIAN, SECURITY
from ci.wheelhouse.program.line import Line

BOOTSTRAP = "bootstrap"
"""Name of the bootstrap base's list in the debhouse."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mirrors:
    """Where Debian's archive is read from. It is part of no key, since every file is checked by hash."""

    debian: str = DEBIAN
    security: str = SECURITY

    def url(self, deb: DebLine) -> str:
        """Return where `deb` is fetched from.

        Source: Debian's security archive keeps its pool under `pool/updates`.
        """
        root = self.security if deb.path.startswith("pool/updates/") else self.debian
        return f"{root.rstrip('/')}/{deb.path}"


def wheelhouse_input(
    stack: Stack, variant: str, base: str, needed: Collection[str] | None = None
) -> dict[str, Any]:
    """Return the input document of the wheelhouse of `variant`: see program/fetch_wheels.py.

    It is for those images of the variant whose `image:variant` is in `needed`; None: for all. It has uv even
    where none of them adds wheels. Its `input` is the digest of the rest but for `sizes`, which only limit
    what is fetched.
    """
    images = [image for image in _needed(stack, needed) if image.variant == variant]
    builds = {
        line.file: digest(wheel_build(stack, line, base))
        for image in images
        for line in image.python_lock
        if line.is_sdist
    }
    wanted = {
        "builder": [line.text for line in stack.builder.python_lock],
        "lists": {
            name: [line.text for line in lines]
            for image in images
            for name, lines in wheel_lists(image).items()
        },
        "builds": builds,
        "together": {
            image.id: [line.text for one in stack.lineage(image.id)[::-1] for line in one.python_lock]
            for image in images
            if image.python_lock
        },
    }
    lines = [line for image in images for line in image.python_lock]
    sizes = {line.sha256: line.size for line in (*lines, *stack.builder.python_lock) if line.size}
    return {"input": digest(wanted), **wanted, "sizes": sizes}


def locked_files(wanted: dict[str, Any]) -> dict[str, str]:
    """Return the sha256 of each locked file of a package folder, by its path there.

    Wheels that are compiled from sdists are not among them.
    """
    if "files" in wanted:
        return {f"debs/{entry['file']}": entry["sha256"] for entry in wanted["files"]}
    lines = (Line.of(text) for texts in wanted["lists"].values() for text in texts)
    return {f"wheels/{line.file}": line.sha256 for line in lines if not line.is_sdist}


def debhouse_input(
    stack: Stack, mirrors: Mirrors, needed: Collection[str] | None = None, *, builder: bool = True
) -> dict[str, Any]:
    """Return the input document of the debhouse: see program/fetch_debs.py.

    It is for the images whose `image:variant` is in `needed` (None: all), and with `builder` for the image
    that compiles sdists. The bootstrap base's packages have their own document, because they are needed
    before there is any container.
    """
    images = _needed(stack, needed)
    lists = {apt_list(image.apt, image.apt_lock): image.apt_lock for image in images if image.apt}
    if builder:
        lists = {apt_list(stack.builder.apt, stack.builder.apt_lock): stack.builder.apt_lock, **lists}
    return _debs(lists, mirrors)


def compiles(images: Iterable[ImageVariant]) -> bool:
    """Whether one of `images` has a distribution that has no wheel."""
    return any(line.is_sdist for image in images for line in image.python_lock)


def _needed(stack: Stack, needed: Collection[str] | None) -> tuple[ImageVariant, ...]:
    return tuple(image for image in stack.images if needed is None or image.id in needed)


def bootstrap_input(stack: Stack, mirrors: Mirrors) -> dict[str, Any]:
    """Return the input document of the bootstrap base's own debhouse."""
    return _debs({BOOTSTRAP: stack.bootstrap.lock}, mirrors)


def _debs(lists: dict[str, tuple[DebLine, ...]], mirrors: Mirrors) -> dict[str, Any]:
    unique = {deb.file: deb for debs in lists.values() for deb in debs}
    return {
        "input": digest({name: [deb.text for deb in debs] for name, debs in lists.items()}),
        "files": [
            {"file": deb.file, "sha256": deb.sha256, "size": deb.size, "url": mirrors.url(deb)}
            for _, deb in sorted(unique.items())
        ],
        "lists": {name: [deb.file for deb in debs] for name, debs in lists.items()},
    }
