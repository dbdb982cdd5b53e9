"""verify-engines: the same plan by two engines, compared file by file."""

from __future__ import annotations

import os
import shutil
import sys
import time
from functools import partial

import anyio
import click

from ci.cli.display.message import say
from ci.cli.display.progress import Progress, shown
from ci.cli.engine import open_engine
from ci.cli.options import base_option, images_argument, variant_option
from ci.engines.dagger.reach import refusal
from ci.errors import EngineError, UsageError
from ci.run.build.request import Request
from ci.run.verify.engine_tree import EXCEPTIONS, ImageTree
from ci.run.verify.engines import trees_of, verdicts
from ci.run.workspace.workspace import Workspace, open_workspace
from ci.settings import Settings

ENGINES = ("buildah", "dagger", "docker", "podman")
SHOWN = 20


@click.command("verify-engines")
@images_argument
@variant_option
@base_option
@click.option(
    "--engine",
    "engines",
    type=click.Choice(ENGINES),
    multiple=True,
    help="Engine to compare; give it at least twice. The first is compared with each other one. "
    "Default: Buildah and Dagger.",
)
@click.pass_obj
def verify_engines(
    settings: Settings,
    images: tuple[str, ...],
    variants: tuple[str, ...],
    base: str | None,
    engines: tuple[str, ...],
) -> None:
    """Build images with two engines and show every difference.

    Images are equal if they have the same files (path, mode, owner, link target, content) and the same
    config. Known differences between engines are printed first and then ignored. Digests are not compared:
    only Buildah guarantees equal digests. The exit code is 0 if all images are equal.
    """
    workspace = open_workspace(settings.with_(base=base))
    request = Request(names=images, variants=variants, argv=tuple(sys.argv[1:]))
    request.check(workspace.stack)
    engines = engines or _found()
    if len(set(engines)) < 2:
        raise UsageError(
            f"two engines are needed, and {engines[0]} is only one", hint="give --engine a second time"
        )
    for exception in EXCEPTIONS:
        say(f"not compared: {exception.path}: {exception.reason}")
    sys.exit(anyio.run(_compare, workspace, request, engines))


def _found() -> tuple[str, ...]:
    reason = refusal(os.environ)
    if reason:
        raise EngineError(
            f"two engines are needed, and Dagger can't be used: {reason}",
            hint="name two other engines by --engine",
        )
    return ("buildah" if shutil.which("buildah") else "docker", "dagger")


async def _compare(workspace: Workspace, request: Request, engines: tuple[str, ...]) -> int:
    trees: dict[str, dict[str, ImageTree]] = {}
    for name in engines:
        asked = workspace.with_engine(name)
        mode = Progress(workspace.settings.progress)
        with shown(mode, stream=sys.stderr, environ=os.environ, clock=time.monotonic) as show:
            trees[name] = await trees_of(
                asked, request, opened=partial(open_engine, say=say), listener=show, say=say
            )
    found = verdicts(trees)
    for verdict in found:
        if not verdict.differences:
            click.echo(
                f"equal    {verdict.image:<30} {engines[0]} and {verdict.engine}: {verdict.files} paths"
            )
            continue
        click.echo(f"differs  {verdict.image:<30} {len(verdict.differences)} differences")
        for line in verdict.differences[:SHOWN]:
            click.echo(f"         {line}")
        if len(verdict.differences) > SHOWN:
            click.echo(f"         and {len(verdict.differences) - SHOWN} more")
    differing = sum(1 for verdict in found if verdict.differences)
    click.echo(f"{len(found) - differing} of {len(found)} are equal")
    return 1 if differing else 0
