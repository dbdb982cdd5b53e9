"""Copying images between registries by skopeo: an argv builder that runs nothing."""

from __future__ import annotations

from ci.engines.process.command import Command
from ci.names.host import parse_host
from ci.names.reference import parse_reference


def is_loopback(reference: str) -> bool:
    """Whether the registry of `reference` is on this machine."""
    return parse_host(parse_reference(reference).host).is_loopback


def copy_image(source: str, target: str, *, authfiles: tuple[str, str]) -> Command:
    """Copy an image from one registry to another without changing a byte of it, by digest.

    `authfiles` hold the credentials for the one and the other; empty: those that skopeo finds itself.
    """
    words = ["copy", "--quiet", "--preserve-digests"]
    for side, reference, authfile in zip(("src", "dest"), (source, target), authfiles, strict=True):
        words += [f"--{side}-tls-verify=false"] if is_loopback(reference) else []
        words += [f"--{side}-authfile", authfile] if authfile else []
    return Command(argv=("skopeo", *words, f"docker://{source}", f"docker://{target}"))
