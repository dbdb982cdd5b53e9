"""build-all, build and smoke: the commands that build and check images."""

from __future__ import annotations

import sys
from dataclasses import replace

import anyio
import click

from ci.cli.options import images_argument, run_options, some_images_argument
from ci.cli.terminal_run import build_here, print_plan
from ci.run.build.request import Request
from ci.run.workspace.workspace import open_workspace
from ci.settings import Settings


@click.command("build-all")
@run_options
@click.option("--rebuild", is_flag=True, help="Build all images again, without the layers of earlier builds.")
def build_all(settings: Settings, request: Request, dry_run: bool) -> None:
    """Build and check every image that the store does not have yet.

    Images that exist already are reused. With --gpu or --require-gpu, existing images are checked too. The
    exit code is 0 only if every image exists and passed its checks.
    """
    _run(settings, request, dry_run)


@click.command()
@some_images_argument
@run_options
@click.option(
    "--rebuild", is_flag=True, help="Build the named images again, without the layers of earlier builds."
)
def build(settings: Settings, request: Request, dry_run: bool) -> None:
    """Build and check some images and the images that they are based on.

    Without :VARIANT, all variants of an image are built.
    """
    _run(settings, request, dry_run)


@click.command()
@images_argument
@run_options
def smoke(settings: Settings, request: Request, dry_run: bool) -> None:
    """Check images again, including images that are built already.

    Without IMAGE, all images are checked. Images that only the registry has are downloaded; images that
    exist neither here nor there are built. A check is not repeated if it passed before for the same image
    content, on the same class of machine. The exit code is 0 only if all checks pass.
    """
    _run(settings, replace(request, smoke=True), dry_run)


def _run(settings: Settings, request: Request, dry_run: bool) -> None:
    workspace = open_workspace(settings)
    request.check(workspace.stack)
    work = print_plan if dry_run else build_here
    sys.exit(anyio.run(work, workspace, request))
