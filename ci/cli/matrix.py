"""matrix: what has to be built, by level of the graph, for a workflow that has not started a job yet."""

from __future__ import annotations

import os

import anyio
import click

from ci.cli.display.message import say
from ci.cli.options import base_option, images_argument, reuse_option, variant_option
from ci.run.build.request import Request
from ci.run.build.requested_matrix import matrix_of
from ci.run.workspace.workspace import open_workspace
from ci.settings import Settings


@click.command("matrix")
@images_argument
@variant_option
@base_option
@reuse_option
@click.option(
    "--rebuild", is_flag=True, envvar="DOCKWRIGHT_REBUILD", help="Plan as if the registry had no images."
)
@click.option("--outputs", is_flag=True, help="Print NAME=VALUE lines for $GITHUB_OUTPUT instead of JSON.")
@click.pass_obj
def matrix_command(  # noqa: PLR0913 click: an option each
    settings: Settings,
    images: tuple[str, ...],
    variants: tuple[str, ...],
    base: str | None,
    registry: str | None,
    rebuild: bool,
    outputs: bool,
) -> None:
    """Print what must be built, by level of the graph, for the jobs of a workflow.

    For each level, prints the images to build and the free disk space that a job needs. An image counts as
    available only if the registry has it, because a job cannot use the store of this machine. `checks` has
    also the available images whose present checks are not recorded as passed. Nothing is built or
    downloaded.
    """
    workspace = open_workspace(settings.with_(base=base, registry=registry))
    request = Request(names=images, variants=variants, rebuild=rebuild)
    request.check(workspace.stack)
    say(workspace.base.reason)
    found = anyio.run(matrix_of, workspace, request, os.environ, say)
    if outputs:
        for line in found.output_lines():
            click.echo(line)
    else:
        click.echo(found.text, nl=False)
