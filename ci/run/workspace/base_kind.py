"""Which kind of base a run builds on, decided before the plan and said aloud."""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import dataclass

from ci.catalog.stack import Stack
from ci.plan.keys import bootstrap_fingerprint, digest, tag
from ci.plan.references import digest_reference

PROBE_S = 1.0
"""How long one look at the registry may take."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseKind:
    """`kind` is `registry` or `bootstrap`; `why` is a sentence for the user."""

    kind: str
    why: str


def root_image(stack: Stack, kind: str) -> str:
    """Return the local name of what root images, and the containers that fetch, start from.

    Raises:
        CatalogError: `kind` is `registry`, and bases.lock.toml lacks the image.
    """
    if kind == "bootstrap":
        return f"{stack.namespace}/bootstrap:{tag(bootstrap_fingerprint(stack))}"
    parent = next(image.parent for image in stack.images if image.is_root)
    return f"{stack.namespace}/outside:{tag(digest(digest_reference(stack, parent)))}"


def resolve_base(stack: Stack, asked: str, answers: Callable[[str], bool]) -> BaseKind:
    """Return the kind of base: as `asked` (empty: as the stack says); `auto` looks at the registry once.

    `answers` tells whether the registry at a host can be reached.
    """
    kind = asked or stack.base
    if kind != "auto":
        origin = "asked for" if asked else "stack.toml says so"
        return BaseKind(kind=kind, why=f"base: {kind} ({origin})")
    roots = sorted({image.parent.removeprefix("outside:") for image in stack.images if image.is_root})
    outside = [entry for entry in stack.outside if entry.name in roots]
    absent = [entry.name for entry in outside if not entry.digest]
    if absent:
        return BaseKind(kind="bootstrap", why=f"base: bootstrap (no digest of {', '.join(absent)} is locked)")
    for entry in outside:
        host = entry.reference.partition("/")[0]
        if not answers(host):
            return BaseKind(
                kind="bootstrap",
                why=f"base: bootstrap, made of Debian packages ({host} does not answer; "
                "`--base registry` insists on the image from there)",
            )
    return BaseKind(kind="registry", why="base: registry (it answers; `--base bootstrap` needs none)")


def answers(host: str) -> bool:
    """Return whether a registry's host takes a connection within `PROBE_S`.

    Source: docker.io is served by registry-1.docker.io.
    """
    name, _, port = {"docker.io": "registry-1.docker.io"}.get(host, host).partition(":")
    try:
        with socket.create_connection((name, int(port or 443)), timeout=PROBE_S):
            return True
    except (OSError, ValueError):
        return False
