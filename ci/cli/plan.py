"""plan: the decision per image, before anything is done."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from functools import partial
from typing import TextIO, cast

import anyio
import click

from ci.cli.display.message import say
from ci.cli.display.stream import Stream
from ci.cli.options import base_option, images_argument, reuse_option, variant_option
from ci.plan.left_out import left_out_text
from ci.plan.plan import Plan, PlannedImage, check_variants, plan_text
from ci.run.reuse.remote_cache import open_remote_cache
from ci.run.reuse.store_health import plan_from_store
from ci.run.workspace.workspace import Workspace, open_workspace
from ci.settings import Settings

KEY_DIGITS = 12
STYLES = {"build": "yellow", "reuse": "green", "fetch": "green"}


@click.command()
@images_argument
@variant_option
@base_option
@reuse_option
@click.option(
    "--json", "as_json", is_flag=True, help="Print the plan as JSON, including every build instruction."
)
@click.pass_obj
def plan(
    settings: Settings,
    images: tuple[str, ...],
    variants: tuple[str, ...],
    base: str | None,
    registry: str | None,
    as_json: bool,
) -> None:
    """Show which images would be built, and why.

    Without IMAGE, the whole stack is planned. With IMAGE, these images and the images that they are based
    on are planned. Nothing is built, downloaded or written.
    """
    workspace = open_workspace(settings.with_(base=base, registry=registry))
    check_variants(workspace.stack, variants)
    found = anyio.run(_planned, workspace, images, variants)
    if as_json:
        click.echo(plan_text(found), nl=False)
        return
    say(workspace.base.reason)
    out = Stream(sys.stdout)
    if out.is_terminal:
        _print_table(found, out)
    else:
        for line in columns(found.images):
            out.line(line)
    for line in left_out(found):
        out.line(line)
    out.line(summary(found))


async def _planned(workspace: Workspace, images: tuple[str, ...], variants: tuple[str, ...]) -> Plan:
    plan_of = partial(workspace.plan, images, variants, ())
    async with open_remote_cache(workspace, os.environ, plan_of, say) as remote:
        if remote is not None:
            plan_of = partial(plan_of, remote=remote.ids)
            for warning in remote.warnings:
                say(f"warning: {warning}")
        _, found = await plan_from_store(workspace, plan_of, say=say)
    return found


def columns(images: Iterable[PlannedImage]) -> list[str]:
    """Return one line per image in aligned columns, with the complete reason."""
    rows = [(planned.action, planned.id, planned.key[:KEY_DIGITS], planned.reason) for planned in images]
    widths = [max((len(row[column]) for row in rows), default=0) for column in range(3)]
    return [
        "  ".join([*(text.ljust(width) for text, width in zip(row, widths, strict=False)), row[3]])
        for row in rows
    ]


def summary(found: Plan) -> str:
    """Return the last line: how many images will be built and reused."""
    total, new = len(found.images), len(found.to_build)
    if not new:
        return f"nothing to build: all {total} images are available"
    return f"{new} of {total} images would be built"


def left_out(found: Plan) -> list[str]:
    """Return a line per image whose folders of files have something that is not copied."""
    images = {planned.image.folder: planned.image for planned in found.images if planned.image.left_out}
    return [left_out_text(image) for image in images.values()]


def _print_table(found: Plan, out: Stream) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("image", "action", "key", "parent"):
        table.add_column(title, no_wrap=True)
    table.add_column("reason", overflow="ellipsis", no_wrap=True)
    for planned in found.images:
        table.add_row(
            planned.id,
            Text(planned.action, style=STYLES[planned.action]),
            Text(planned.key[:KEY_DIGITS], style="dim"),
            planned.image.parent,
            Text(out.printable(planned.reason)),
        )
    Console(file=cast("TextIO", out), highlight=False).print(table)
