"""explain: why an image is not as it was."""

from __future__ import annotations

import anyio
import click

from ci.cli.options import base_option
from ci.plan.explain import explain as sentences
from ci.plan.keys import documents
from ci.plan.plan import is_named, select
from ci.run.workspace import open_workspace
from ci.settings import Settings


@click.command()
@click.argument("images", nargs=-1, required=True, metavar="IMAGE[:VARIANT]...")
@base_option
@click.pass_obj
def explain(settings: Settings, images: tuple[str, ...], base: str | None) -> None:
    """Name the exact input of an image that changed since it was last built here.

    The key documents of the two are compared: locks, files and their modes, environment, instructions, the
    parent's own inputs. Where no document was stored the answer is `unknown`, never a guess.
    """
    workspace = open_workspace(settings.with_(base=base))
    select(workspace.stack, images, ())  # a name that nothing has is told with the nearest one
    asked = [image.id for image in workspace.stack.images if is_named(image.id, images)]
    store = anyio.run(workspace.store)
    current = documents(workspace.stack, workspace.base.kind)
    built = store.built(workspace.stack.namespace)
    for id_ in asked:
        first, *more = sentences(id_, current, workspace.state.stored, built)
        if id_ in first and not more:
            click.echo(first)
            continue
        click.echo(f"{id_} differs from the one that was built last:")
        for line in (first, *more):
            click.echo(f"  {line}")
