"""schema: what an editor needs to complete and check image.toml, and a program to read what a run leaves."""

from __future__ import annotations

import json

import click

from ci.catalog.schema import image_schema
from ci.report.schema import event_schema, report_schema

SCHEMAS = {"image": image_schema, "report": report_schema, "events": event_schema}


@click.command()
@click.argument("of", type=click.Choice(list(SCHEMAS)), default="image")
def schema(of: str) -> None:
    """Print the JSON schema of a file that dockwright reads or writes.

    \b
    dockwright schema > image.schema.json
    #:schema ./image.schema.json          (first line of an image.toml, for editors with Taplo)
    dockwright schema report > report.schema.json
    """
    click.echo(json.dumps(SCHEMAS[of](), indent=2))
