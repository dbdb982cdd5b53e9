"""build-all, build and smoke: the commands that build and check images."""

from __future__ import annotations

import sys
from functools import partial
from typing import Unpack

import anyio
import click

from ci.cli.options import RunArguments, run_options
from ci.cli.terminal_run import build_here
from ci.plan.plan import check_variants
from ci.run.workspace.workspace import open_workspace
from ci.settings import Settings


@click.command("build-all")
@run_options
@click.option("--rebuild", is_flag=True, help="Build everything again, without the layers of earlier builds.")
@click.pass_obj
def build_all(settings: Settings, **asked: Unpack[RunArguments]) -> None:
    """Build every image that is not in the store yet, and check each one.

    With --gpu or --require-gpu those that are there are checked too. Exit code 0 only if all that was asked
    for exists.
    """
    _build(settings, (), asked)


@click.command()
@click.argument("images", nargs=-1, required=True, metavar="IMAGE[:VARIANT]...")
@run_options
@click.option("--rebuild", is_flag=True, help="Build these images again, without earlier layers.")
@click.pass_obj
def build(settings: Settings, images: tuple[str, ...], **asked: Unpack[RunArguments]) -> None:
    """Build some images and what they are built on."""
    _build(settings, images, asked)


@click.command()
@click.argument("images", nargs=-1, metavar="[IMAGE[:VARIANT]]...")
@run_options
@click.pass_obj
def smoke(settings: Settings, images: tuple[str, ...], **asked: Unpack[RunArguments]) -> None:
    """Check images again, those too that are there already.

    What the registry has is fetched for it, what is nowhere is built. What passed before in the same image,
    by the same checks, on the same class of machine is not repeated. Exit code 0 only if all checks hold.
    """
    asked["rebuild"] = False
    _build(settings, images, asked, smoke=True)


def _build(settings: Settings, names: tuple[str, ...], asked: RunArguments, *, smoke: bool = False) -> None:
    settings = settings.with_(
        base=asked["base"],
        engine=asked["engine"],
        jobs=asked["jobs"],
        progress=asked["progress"],
        ignore_disk=asked["ignore_disk"] or None,
        registry=asked["registry"],
        cache=asked["cache"],
        wheels=asked["wheels"],
    )
    workspace = open_workspace(settings)
    check_variants(workspace.stack, asked["variants"])
    sys.exit(anyio.run(partial(build_here, workspace, names, asked, smoke=smoke)))
