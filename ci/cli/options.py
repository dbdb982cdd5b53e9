"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Iterable

import click

from ci.catalog.stack import Stack
from ci.errors import UsageError

variant_option = click.option(
    "--variant",
    "variants",
    multiple=True,
    metavar="VARIANT",
    help="Only this variant (cpu, cuda); may be given again.",
)
base_option = click.option(
    "--base",
    type=click.Choice(["auto", "registry", "bootstrap"]),
    help="Kind of base; default: stack.toml's.",
)

registry_option = click.option(
    "--registry",
    metavar="HOST[:PORT]/NAMESPACE",
    help="Reuse images by key from here: what it has is neither built nor fetched.",
)


def check_variants(stack: Stack, variants: Iterable[str]) -> None:
    """Refuse a variant that no image of `stack` can have.

    Raises:
        UsageError: stack.toml does not name it.
    """
    for variant in variants:
        if variant not in stack.variants:
            raise UsageError(f"no variant {variant!r}; known: {', '.join(stack.variants)}")
