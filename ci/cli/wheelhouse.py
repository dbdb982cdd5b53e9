"""wheelhouse: the command that fetches what images are built of."""

from __future__ import annotations

from pathlib import Path

import anyio
import click

from ci.cli.display.message import say
from ci.cli.options import base_option, engine_option, frozen_option, progress_option, variant_option
from ci.cli.setup.install import install_first
from ci.engines.engine import Output
from ci.errors import UnavailableError
from ci.plan.plan import check_variants
from ci.run.cleanup.run_owner import registered_run
from ci.run.inputs.bundle import export
from ci.run.inputs.local import LocalInputs
from ci.run.inputs.unavailable_packages import relocked
from ci.run.workspace.workspace import Workspace, open_workspace
from ci.settings import Settings


@click.command()
@variant_option
@base_option
@engine_option
@click.option(
    "--export",
    "target",
    type=click.Path(file_okay=False, path_type=Path),
    help="Also copy all downloaded packages, and the files of all images, to this folder.",
)
@progress_option
@frozen_option
@click.pass_obj
def wheelhouse(  # noqa: PLR0913 click: an option each
    settings: Settings,
    variants: tuple[str, ...],
    base: str | None,
    engine: str | None,
    target: Path | None,
    progress: str | None,
    frozen: bool,
) -> None:
    """Download all wheels and Debian packages by hash, and compile missing wheels.

    `build-all` does the same as its first step. With --export, the folder is what an offline machine needs
    for `build-all --wheelhouse`. --export implies --frozen.
    """
    settings = settings.with_(base=base, engine=engine, progress=progress)
    workspace = open_workspace(settings)
    check_variants(workspace.stack, variants)
    say(workspace.base.reason)
    install_first()
    anyio.run(_fetch, workspace, variants or workspace.stack.variants, target, frozen or target is not None)


async def _fetch(workspace: Workspace, variants: tuple[str, ...], target: Path | None, frozen: bool) -> None:
    try:
        await _fill(workspace, variants, target)
    except UnavailableError as error:
        workspace, report = await relocked(workspace, error, frozen=frozen)
        for line in report:
            say(line)
        await _fill(workspace, variants, target)


async def _fill(workspace: Workspace, variants: tuple[str, ...], target: Path | None) -> None:
    async with registered_run(workspace, await workspace.engine(), note=say, warn=say) as (own, engine):
        await _fill_folders(LocalInputs(workspace=own, engine=engine), variants, target)


async def _fill_folders(inputs: LocalInputs, variants: tuple[str, ...], target: Path | None) -> None:
    workspace = inputs.workspace
    log = workspace.state.root / "wheelhouse.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_text("")
    await inputs.base(_output(log, "base"))
    if workspace.base.kind == "bootstrap":
        await inputs.fetch_bootstrap(_output(log, "bootstrap"))
    await inputs.debhouse(_output(log, "debhouse"))
    for variant in variants:
        await inputs.wheelhouse(variant, _output(log, f"wheelhouse/{variant}"))
    for name, manifest in sorted(inputs.manifests.items()):
        click.echo(f"{name}: {len(manifest.files)} files, {manifest.size_bytes / 1e6:.0f} MB")
    if target is not None:
        await export(inputs, variants, target)
        click.echo(f"exported to {target}; `dockwright build-all --wheelhouse {target}` needs no network")


def _output(log: Path, name: str) -> Output:
    """Return where the output of filling `name` goes; its messages are printed."""
    return Output(log=log, on_line=lambda message: say(f"{name}: {message}"))
