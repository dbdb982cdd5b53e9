"""Which kind of base a run builds on: decided before the plan, and shown with its reason."""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import dataclass

from ci.catalog.stack import Stack
from ci.errors import ParseError
from ci.names.host import parse_host
from ci.plan.keys import bootstrap_fingerprint, digest, tag
from ci.plan.references import digest_reference

KINDS = ("bootstrap", "registry")
"""The kinds of base; each gives an image another key."""
PROBE_S = 1.0
"""How long a connection to the registry may take."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseKind:
    """`kind` is `registry` or `bootstrap`; `reason` is a sentence for the user."""

    kind: str
    reason: str


def root_image(stack: Stack, kind: str) -> str:
    """Return the local name of the image that root images, and the fetching containers, start from.

    Raises:
        CatalogError: `kind` is `registry`, and bases.lock.toml lacks the image.
    """
    if kind == "bootstrap":
        return f"{stack.namespace}/bootstrap:{tag(bootstrap_fingerprint(stack))}"
    parent = next(image.parent for image in stack.images if image.is_root)
    return f"{stack.namespace}/outside:{tag(digest(digest_reference(stack, parent)))}"


def resolve_base(stack: Stack, option: str, answers: Callable[[str], bool]) -> BaseKind:
    """Return the kind of base: the `option`, or if that is empty the stack's; `auto` tries the registry once.

    `answers` returns whether the registry at a host can be reached.
    """
    kind = option or stack.base
    if kind != "auto":
        origin = "by option" if option else "set in stack.toml"
        return BaseKind(kind=kind, reason=f"base: {kind} ({origin})")
    absent = [base.name for base in stack.external_roots if not base.digest]
    if absent:
        return BaseKind(
            kind="bootstrap",
            reason="base: bootstrap, made of Debian packages (bases.lock.toml has no digest for "
            f"{', '.join(absent)})",
        )
    for host in [base.named.host for base in stack.external_roots]:
        if not answers(host):
            return BaseKind(
                kind="bootstrap",
                reason=f"base: bootstrap, made of Debian packages ({host} does not answer; "
                "`--base registry` insists on the image from there)",
            )
    return BaseKind(kind="registry", reason="base: registry (it answers; `--base bootstrap` needs none)")


def answers(host: str) -> bool:
    """Return whether a registry (`HOST[:PORT]`) takes a connection within `PROBE_S`."""
    try:
        with socket.create_connection(parse_host(host).address, timeout=PROBE_S):
            return True
    except (OSError, ParseError, UnicodeError):  # the last for a name that is none in the DNS
        return False
