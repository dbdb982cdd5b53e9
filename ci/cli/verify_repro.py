"""verify-repro: two builds from nothing, compared."""

from __future__ import annotations

import tempfile
from pathlib import Path

import anyio
import click

from ci.cli.display.message import say
from ci.cli.options import base_option, images_argument, variant_option
from ci.cli.setup.install import install_first
from ci.engines.process.privilege import find_privilege
from ci.errors import UsageError
from ci.plan.plan import check_variants, select
from ci.run.verify.repro_build import ReproRequest
from ci.run.verify.reproducibility import DIFFERENT
from ci.run.verify.reproducibility import verify_repro as run_twice
from ci.run.workspace.workspace import open_workspace
from ci.settings import Settings


@click.command("verify-repro")
@images_argument
@variant_option
@base_option
@click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Empty or new folder for both builds, one after the other. Default: in the state directory.",
)
@click.pass_context
def verify_repro(
    ctx: click.Context,
    images: tuple[str, ...],
    variants: tuple[str, ...],
    base: str | None,
    folder: Path | None,
) -> None:
    """Build images twice from nothing and show the first difference.

    Without IMAGE, all images are built. The two builds share only the stack and the machine; each downloads
    its own packages. Images are equal if their config digests and layer digests (DiffIDs) are equal. The
    exit code is 0 if all images are equal.
    """
    settings: Settings = ctx.obj
    workspace = open_workspace(settings.with_(base=base))
    check_variants(workspace.stack, variants)
    select(workspace.stack, images, variants)
    if folder is None:
        settings.state.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix="verify-repro-", dir=settings.state))
    elif folder.exists() and any(folder.iterdir()):
        raise UsageError(f"{folder}: not empty; name a folder that is empty or absent")
    install_first()
    privilege = find_privilege()
    request = ReproRequest(
        stack=str(workspace.directory), names=images, variants=variants, base=workspace.base.kind
    )
    say(f"not the same in the two builds: {DIFFERENT}")

    async def twice() -> int:
        verdicts = await run_twice(
            request,
            folder.absolute(),
            privilege=privilege,
            say=say,
        )
        for verdict in verdicts:
            if verdict.difference:
                click.echo(f"differs  {verdict.image:<30} {verdict.difference}")
            else:
                shown = f"config {verdict.config_digest[:12]}, {verdict.layers} DiffIDs"
                click.echo(f"equal    {verdict.image:<30} {shown}")
        differing = sum(1 for verdict in verdicts if verdict.difference)
        click.echo(f"{len(verdicts) - differing} of {len(verdicts)} images are equal")
        return 1 if differing else 0

    ctx.exit(anyio.run(twice))
