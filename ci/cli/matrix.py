"""matrix: what has to be built, by level of the graph, for a workflow that has not started a job yet."""

from __future__ import annotations

import json
import os
from functools import partial

import anyio
import click

from ci.cli.options import base_option, check_variants, registry_option, variant_option
from ci.plan.plan import Plan, select
from ci.run.matrix import Matrix, matrix
from ci.run.remote import looked_up
from ci.run.store import Store
from ci.run.workspace import Workspace, open_workspace
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
    found = anyio.run(_matrix, workspace, images, variants, rebuild)
    if outputs:
        for line in found.output_lines():
            click.echo(line)
    else:
        click.echo(json.dumps(found.as_json(), indent=2))


async def _matrix(
    workspace: Workspace, images: tuple[str, ...], variants: tuple[str, ...], rebuild: bool
) -> Matrix:
    stack, say = workspace.stack, partial(click.echo, err=True)
    say(workspace.base.why)
    selected = select(stack, images, variants)

    async def plan_of(store: Store, remote: frozenset[str] = frozenset()) -> Plan:
        return await workspace.plan(
            images, variants, rebuild=selected if rebuild else (), store=store, remote=remote
        )

    async with looked_up(workspace.settings, os.environ, plan_of, say) as remote:
        for warning in remote.warnings if remote is not None else ():
            say(f"warning: {warning}")
        sizes = remote.sizes if remote is not None else {}
        plan = remote.plan if remote is not None else await plan_of(Store(ids={}))
    return matrix(
        stack,
        plan,
        remote=sizes,
        capacity=workspace.capacity,
        floor_bytes=workspace.settings.disk_floor_mb * 10**6,
    )
