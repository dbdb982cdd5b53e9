"""shell: a shell in an image, or in the state before the step at which its build failed."""

from __future__ import annotations

import sys
from dataclasses import replace

import anyio
import click

from ci.catalog.stack import Stack
from ci.cli.display.message import say
from ci.cli.options import base_option, engine_option, image_argument
from ci.cli.setup.install import install_first
from ci.engines.engine import ContainerRun
from ci.engines.shell import SHELL
from ci.errors import UsageError
from ci.plan.plan import is_named, select
from ci.run.cleanup.run_owner import registered_run
from ci.run.shell.target import shell_target
from ci.run.workspace.local_store import Store
from ci.run.workspace.workspace import Workspace, open_workspace
from ci.settings import Settings


@click.command()
@image_argument
@click.argument("argv", nargs=-1, type=click.UNPROCESSED, metavar="[-- CMD...]")
@base_option
@engine_option
@click.option(
    "--user", default="", metavar="USER", help="User to run as. Default: the user of the image or step."
)
@click.option(
    "--network", is_flag=True, help="Allow network access, which build steps and checks do not have."
)
@click.pass_context
def shell(  # noqa: PLR0913 click: an option each
    ctx: click.Context,
    image: str,
    argv: tuple[str, ...],
    base: str | None,
    engine: str | None,
    user: str,
    network: bool,
) -> None:
    """Open a shell in an image, or before the step at which its last build failed.

    The image is taken from the local store. If it is missing because its last build failed, the shell opens
    in the state before the failed step, with that step's packages mounted, and the failed command is
    printed. The container is removed at the end; the image does not change. CMD runs instead of a shell;
    its exit code is passed on.
    """
    settings: Settings = ctx.obj
    terminal = sys.stdin.isatty() and sys.stdout.isatty()
    if not argv and not terminal:
        raise UsageError(
            "a shell needs a terminal", hint=f"run one command instead: `dockwright shell {image} -- CMD…`"
        )
    workspace = open_workspace(settings.with_(base=base, engine=engine))
    id_ = one_variant(workspace.stack, image)
    install_first()
    run = ContainerRun(argv=argv or SHELL, user=user, network=network)
    ctx.exit(anyio.run(_open, workspace, id_, run, terminal))


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


async def _open(workspace: Workspace, id_: str, run: ContainerRun, terminal: bool) -> int:
    engine = await workspace.engine()
    async with registered_run(workspace, engine, note=say, warn=say) as (own, own_engine):
        store = Store(ids=await own_engine.images())
        plan = await own.plan((id_,), store=store)
        place = await shell_target(own, own_engine, plan, id_, store, say)
        for line in place.lines:
            say(line)
        return await own_engine.attach(place.image, replace(run, mounts=place.mounts), terminal=terminal)
