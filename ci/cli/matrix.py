"""matrix: what has to be built, by level of the graph, for a workflow that has not started a job yet."""

from __future__ import annotations

import os
from functools import partial

import anyio
import click

from ci.cli.options import base_option, registry_option, variant_option
from ci.plan.plan import check_variants
from ci.run.build.request import Request
from ci.run.build.requested_matrix import matrix_of
from ci.run.workspace.workspace import open_workspace
from ci.settings import Settings


@click.command("matrix")
@click.argument("images", nargs=-1, metavar="[IMAGE[:VARIANT]]...")
@variant_option
@base_option
@registry_option
@click.option(
    "--rebuild", is_flag=True, envvar="DOCKWRIGHT_REBUILD", help="As if the registry had none of them."
)
@click.option("--outputs", is_flag=True, help="Print lines of NAME=VALUE, for $GITHUB_OUTPUT.")
@click.pass_obj
def matrix_command(
    settings: Settings,
    images: tuple[str, ...],
    variants: tuple[str, ...],
    base: str | None,
    registry: str | None,
    rebuild: bool,
    outputs: bool,
) -> None:
    """Say what has to be built, by level of the graph, and which disk each level needs.

    Only the registry counts as having an image: what this machine's store has is not where a job will run. No
    engine is asked, and nothing is built, fetched or written.
    """
    workspace = open_workspace(settings.with_(base=base, registry=registry))
    check_variants(workspace.stack, variants)
    request = Request(names=images, variants=variants, rebuild=rebuild)
    say = partial(click.echo, err=True)
    say(workspace.base.why)
    found = anyio.run(matrix_of, workspace, request, os.environ, say)
    if outputs:
        for line in found.output_lines():
            click.echo(line)
    else:
        click.echo(found.text, nl=False)
