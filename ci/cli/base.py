"""base: the bootstrap base as a file, for an engine that has no way to make it."""

from __future__ import annotations

from pathlib import Path

import anyio
import click

from ci.cli.display.message import say
from ci.cli.setup.install import install_first
from ci.engines.engine import Output
from ci.run.cleanup.run_owner import registered_run
from ci.run.inputs.bootstrap import write_bootstrap
from ci.run.inputs.local import LocalInputs
from ci.run.workspace.workspace import Workspace, open_workspace
from ci.settings import Settings


@click.command()
@click.argument("target", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path))
@click.pass_obj
def base(settings: Settings, target: Path) -> None:
    """Write the bootstrap base image to FILE, as an OCI archive.

    The image is made of the Debian packages in bootstrap.lock. `dagger call --base bootstrap --base-archive
    FILE` builds on it where no registry is available.
    """
    workspace = open_workspace(settings.with_(base="bootstrap"))
    workspace.check_base()
    install_first()
    anyio.run(_write, workspace, target.absolute())
    click.echo(f"{target}: {target.stat().st_size / 1e6:.0f} MB")


async def _write(workspace: Workspace, target: Path) -> None:
    async with registered_run(workspace, await workspace.engine(), note=say, warn=say) as (own, engine):
        inputs = LocalInputs(workspace=own, engine=engine)
        await inputs.fetch_bootstrap(Output())
        await write_bootstrap(own, engine, inputs.view("bootstrap") / "debs", target, Output())
