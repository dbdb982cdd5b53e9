"""shell: a look into an image, or at the place where its build failed."""

from __future__ import annotations

import sys
from dataclasses import replace
from functools import partial

import anyio
import click

from ci.catalog.stack import Stack
from ci.cli.options import base_option, engine_option
from ci.cli.setup.install import install_first
from ci.engines.shell import SHELL, Shell, open_shell
from ci.errors import UsageError
from ci.plan.plan import is_named, select
from ci.run.cleanup.run_owner import registered_run
from ci.run.shell.target import shell_target
from ci.run.workspace.local_store import Store
from ci.run.workspace.workspace import Workspace, open_workspace
from ci.settings import Settings

_tell = partial(click.echo, err=True)


@click.command()
@click.argument("image", metavar="IMAGE[:VARIANT]")
@click.argument("argv", nargs=-1, type=click.UNPROCESSED, metavar="[-- CMD...]")
@base_option
@engine_option
@click.option(
    "--user", default="", metavar="USER", help="Be this user; default: as the image, or the step, has it."
)
@click.option("--network", is_flag=True, help="Let it reach the network, which no step and no check can.")
@click.pass_context
def shell(
    ctx: click.Context,
    image: str,
    argv: tuple[str, ...],
    base: str | None,
    engine: str | None,
    user: str,
    network: bool,
) -> None:
    """Open a shell in an image, or before the step that its last build failed at.

    The image is the one of the present plan, from the local store. If it isn't there because its last build
    failed, the shell opens in what the steps before the failed one made, with the wheelhouse or debhouse of
    that step, whose command is printed. The container goes when the shell ends; no image changes. CMD runs in
    place of the shell; the exit code is what it ends with.
    """
    settings: Settings = ctx.obj
    terminal = sys.stdin.isatty() and sys.stdout.isatty()
    if not argv and not terminal:
        raise UsageError(f"a shell needs a terminal; without one give it a command: `shell {image} -- CMD…`")
    workspace = open_workspace(settings.with_(base=base, engine=engine))
    id_ = one_variant(workspace.stack, image)
    install_first()
    wanted = Shell(argv=argv or SHELL, user=user, network=network, terminal=terminal)
    ctx.exit(anyio.run(_open, workspace, id_, wanted))


def one_variant(stack: Stack, name: str) -> str:
    """Return the `image:variant` that `name` is.

    Raises:
        UsageError: there is no such image, or it has several variants and `name` says none.
    """
    select(stack, (name,), ())
    found = [one.id for one in stack.images if is_named(one.id, (name,))]
    if len(found) > 1:
        raise UsageError(f"{name} has several variants; name one of them: {', '.join(found)}")
    return found[0]


async def _open(workspace: Workspace, id_: str, wanted: Shell) -> int:
    engine = workspace.engine()
    async with registered_run(workspace, engine, note=_tell, warn=_tell) as (own, marked):
        store = Store(ids=await marked.images())
        plan = await own.plan((id_,), store=store)
        place = await shell_target(own, marked, plan, id_, store, _tell)
        for line in place.lines:
            _tell(line)
        return await open_shell(marked, place.image, replace(wanted, mounts=place.mounts))
