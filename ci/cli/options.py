"""Options that several commands share."""

from __future__ import annotations

import click

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
