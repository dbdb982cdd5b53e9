"""schema: for editors of the TOML files, and for programs that read the files of a run."""

from __future__ import annotations

import json

import click

from ci.catalog.schema import bases_schema, image_schema, stack_schema
from ci.report.schema import event_schema, report_schema

SCHEMAS = {
    "image": image_schema,
    "stack": stack_schema,
    "bases": bases_schema,
    "report": report_schema,
    "events": event_schema,
}


@click.command()
@click.argument("of", type=click.Choice(list(SCHEMAS)), default="image")
def schema(of: str) -> None:
    """Print the JSON schema of a file that dockwright reads or writes.

    image is image.toml (the default), stack is stack.toml, bases is bases.lock.toml, report is report.json of
    a run, and events is one line of its events.jsonl.

    \b
    dockwright schema > image.schema.json
    #:schema ./image.schema.json          # as first line of an image.toml, for editors with Taplo
    dockwright schema report > report.schema.json
    """
    click.echo(json.dumps(SCHEMAS[of](), indent=2))
