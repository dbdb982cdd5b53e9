"""build-all, build and smoke: the commands that build and check images."""

from __future__ import annotations

import sys
from functools import partial
from typing import Unpack

import anyio
import click

from ci.cli.options import RunArguments, images_argument, run_options, some_images_argument
from ci.cli.terminal_run import build_here
from ci.plan.plan import check_variants
from ci.run.workspace.workspace import open_workspace
from ci.settings import Settings


@click.command("build-all")
@run_options
@click.option("--rebuild", is_flag=True, help="Build all images again, without the layers of earlier builds.")
@click.pass_obj
def build_all(settings: Settings, **asked: Unpack[RunArguments]) -> None:
    """Build and check every image that the store does not have yet.

    Images that exist already are reused. With --gpu or --require-gpu, existing images are checked too. The
    exit code is 0 only if every image exists and passed its checks.
    """
    _build(settings, (), asked)


@click.command()
@some_images_argument
@run_options
@click.option(
    "--rebuild", is_flag=True, help="Build the named images again, without the layers of earlier builds."
)
@click.pass_obj
def build(settings: Settings, images: tuple[str, ...], **asked: Unpack[RunArguments]) -> None:
    """Build and check some images and the images that they are based on.

    Without :VARIANT, all variants of an image are built.
    """
    _build(settings, images, asked)


@click.command()
@images_argument
@run_options
@click.pass_obj
def smoke(settings: Settings, images: tuple[str, ...], **asked: Unpack[RunArguments]) -> None:
    """Check images again, including images that are built already.

    Without IMAGE, all images are checked. Images that only the registry has are downloaded; images that
    exist neither here nor there are built. A check is not repeated if it passed before for the same image
    content, on the same class of machine. The exit code is 0 only if all checks pass.
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
