"""The references of a stack's images, of its packages and of its external bases. Pure."""

from __future__ import annotations

from ci.catalog.stack import Stack
from ci.errors import CatalogError
from ci.names.image_id import ExternalId, parse_parent
from ci.names.reference import Reference


def reference(stack: Stack, id_: str) -> str:
    """Return the human reference of the image variant `id_`, such as `dockwright/asr:cpu`."""
    return f"{stack.namespace}/{id_}"


def wheelhouse_reference(stack: Stack, variant: str) -> str:
    """Return the reference of a variant's wheelhouse image."""
    return f"{stack.namespace}/wheelhouse:{variant}"


def debhouse_reference(stack: Stack) -> str:
    """Return the reference of the debhouse image."""
    return f"{stack.namespace}/debhouse:{stack.bootstrap.suite}"


def external_reference(stack: Stack, parent: str) -> Reference:
    """Return the reference of `outside:NAME`, without the digest while it is absent.

    Raises:
        CatalogError: bases.lock.toml has no such image.
    """
    for base in stack.external_bases:
        if ExternalId(base.name) == parse_parent(parent):
            return base.named
    raise CatalogError(
        f"bases.lock.toml: no image {parent!r}; known: {[o.name for o in stack.external_bases]}"
    )


def digest_reference(stack: Stack, parent: str) -> str:
    """Return `repository@digest` of `outside:NAME`: several engines take a tag or a digest, not both.

    Raises:
        CatalogError: bases.lock.toml has no such image.
    """
    return str(external_reference(stack, parent).without_tag())
