"""schema: what an editor needs to complete and check image.toml."""

from __future__ import annotations

import json

import click

from ci.catalog.schema import image_schema


@click.command()
def schema() -> None:
    """Print the JSON schema of image.toml, for editors.

    \b
    dockwright schema > image.schema.json
    #:schema ./image.schema.json          (first line of an image.toml, for editors with Taplo)
    """
    click.echo(json.dumps(image_schema(), indent=2))
