"""build-all, build and wheelhouse: the commands that build something."""

from __future__ import annotations

import os
import sys
import time
from functools import partial
from pathlib import Path

import anyio
import click

from ci.cli.progress import Progress, print_end_table, shown
from ci.engines.engine import Output
from ci.errors import UsageError
from ci.plan.plan import Plan
from ci.run.build import Options, build_plan
from ci.run.houses import Houses, export
from ci.run.store import Store
from ci.run.workspace import Workspace, open_workspace
from ci.settings import Settings

READY_VARIANTS = ("cpu",)
"""What `build-all` builds when no variant is named."""
NOT_READY = (
    "The CUDA variants are planned but not built by default yet; `--variant cuda` tries them "
    "(about 4.3 GB to fetch, unshown on a GPU)."
)

variant_option = click.option(
    "--variant", "variants", multiple=True, help="Only this variant (cpu, cuda); may be given again."
)
base_option = click.option(
    "--base",
    type=click.Choice(["auto", "registry", "bootstrap"]),
    help="Kind of base; default: stack.toml's.",
)
engine_option = click.option(
    "--engine", type=click.Choice(["auto", "buildah", "podman", "docker"]), help="What builds; default: auto."
)
progress_option = click.option(
    "--progress", type=click.Choice([mode.value for mode in Progress]), help="How the run is shown."
)
jobs_option = click.option("--jobs", type=click.IntRange(min=1), help="Tasks at once; default: one per core.")
bundle_option = click.option(
    "--wheelhouse",
    "bundle",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Build from this exported folder, without any network.",
)
dry_option = click.option("--dry-run", is_flag=True, help="Print what would be done, and do nothing.")
fail_fast_option = click.option("--fail-fast", is_flag=True, help="Start nothing after the first failure.")


@click.command("build-all")
@variant_option
@base_option
@engine_option
@bundle_option
@jobs_option
@progress_option
@dry_option
@fail_fast_option
@click.option("--rebuild", is_flag=True, help="Build everything again, without the layers of earlier builds.")
@click.pass_obj
def build_all(
    settings: Settings,
    variants: tuple[str, ...],
    base: str | None,
    engine: str | None,
    bundle: Path | None,
    jobs: int | None,
    progress: str | None,
    dry_run: bool,
    fail_fast: bool,
    rebuild: bool,
) -> None:
    """Build every image that is not in the store yet, and check each one.

    Exit code 0 only if all that was asked for exists.
    """
    settings = settings.with_(base=base, engine=engine, jobs=jobs, progress=progress)
    chosen = variants
    if not variants:
        chosen = READY_VARIANTS
        click.echo(NOT_READY, err=True)
    _build(settings, (), chosen, rebuild, bundle, dry_run, fail_fast)


@click.command()
@click.argument("images", nargs=-1, required=True, metavar="IMAGE[:VARIANT]...")
@variant_option
@base_option
@engine_option
@bundle_option
@jobs_option
@progress_option
@dry_option
@fail_fast_option
@click.option("--rebuild", is_flag=True, help="Build these images again, without earlier layers.")
@click.pass_obj
def build(
    settings: Settings,
    images: tuple[str, ...],
    variants: tuple[str, ...],
    base: str | None,
    engine: str | None,
    bundle: Path | None,
    jobs: int | None,
    progress: str | None,
    dry_run: bool,
    fail_fast: bool,
    rebuild: bool,
) -> None:
    """Build some images and what they are built on."""
    settings = settings.with_(base=base, engine=engine, jobs=jobs, progress=progress)
    chosen = variants or (() if all(":" in image for image in images) else READY_VARIANTS)
    _build(settings, images, chosen, rebuild, bundle, dry_run, fail_fast)


@click.command()
@variant_option
@base_option
@engine_option
@click.option(
    "--export",
    "target",
    type=click.Path(file_okay=False, path_type=Path),
    help="Also copy both folders, and the bootstrap base's packages, here.",
)
@progress_option
@click.pass_obj
def wheelhouse(
    settings: Settings,
    variants: tuple[str, ...],
    base: str | None,
    engine: str | None,
    target: Path | None,
    progress: str | None,
) -> None:
    """Fetch all wheels and Debian packages by hash, and compile what has no wheel."""
    settings = settings.with_(base=base, engine=engine, progress=progress)
    workspace = open_workspace(settings)
    known = workspace.stack.variants
    for variant in variants:
        if variant not in known:
            raise UsageError(f"no variant {variant!r}; known: {', '.join(known)}")
    click.echo(workspace.base.why, err=True)
    anyio.run(_fetch, workspace, variants or READY_VARIANTS, target)


async def _fetch(workspace: Workspace, variants: tuple[str, ...], target: Path | None) -> None:
    houses = Houses(workspace=workspace, engine=workspace.engine())
    log = workspace.state.root / "wheelhouse.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_text("")
    output = Output(log=log, on_line=_say)
    await houses.base(output)
    if workspace.base.kind == "bootstrap":
        await houses.fetch_bootstrap(output)
    await houses.debhouse(output)
    for variant in variants:
        await houses.wheelhouse(variant, output)
    for name, manifest in sorted(houses.manifests.items()):
        click.echo(f"{name}: {len(manifest.files)} files, {manifest.size_bytes / 1e6:.0f} MB")
    if target is not None:
        await export(houses, variants, target)
        click.echo(f"exported to {target}; `dockwright build-all --wheelhouse {target}` needs no network")


def _say(line: str) -> None:
    if line.startswith(("debhouse: ", "wheelhouse: ")):
        click.echo(line, err=True)


def _build(
    settings: Settings,
    names: tuple[str, ...],
    variants: tuple[str, ...],
    rebuild: bool,
    bundle: Path | None,
    dry_run: bool,
    fail_fast: bool,
) -> None:
    workspace = open_workspace(settings)
    for variant in variants:
        if variant not in workspace.stack.variants:
            known = ", ".join(workspace.stack.variants)
            raise UsageError(f"no variant {variant!r}; known: {known}")
    sys.exit(
        anyio.run(
            partial(
                _run,
                workspace,
                names,
                variants,
                rebuild=rebuild,
                bundle=bundle,
                dry_run=dry_run,
                fail_fast=fail_fast,
            )
        )
    )


async def _run(
    workspace: Workspace,
    names: tuple[str, ...],
    variants: tuple[str, ...],
    *,
    rebuild: bool,
    bundle: Path | None,
    dry_run: bool,
    fail_fast: bool,
) -> int:
    store = await workspace.store() if dry_run else Store(ids=await workspace.engine().images())
    plan = await workspace.plan(names, variants, store=store)
    if rebuild:
        wanted = [planned.id for planned in plan.images if not names or _named(planned.id, names)]
        plan = await workspace.plan(names, variants, rebuild=wanted, store=store)
    if dry_run:
        _print_dry_run(workspace, plan)
        return 0
    with shown(
        Progress(workspace.settings.progress),
        stream=sys.stderr,
        environ=os.environ,
        clock=time.monotonic,
    ) as show:
        options = Options(
            bundle=bundle.absolute() if bundle else None,
            cache=not rebuild,
            fail_fast=fail_fast,
            argv=tuple(sys.argv[1:]),
            listeners=(show,),
        )
        report, directory = await build_plan(workspace, plan, store, options)
    print_end_table(report, stream=sys.stdout, environ=os.environ)
    click.echo(f"engine: {workspace.engine().name}; report: {directory.report}")
    return report.exit_code if report.exit_code is not None else 1


def _named(id_: str, names: tuple[str, ...]) -> bool:
    return id_ in names or id_.partition(":")[0] in names


def _print_dry_run(workspace: Workspace, plan: Plan) -> None:
    click.echo(workspace.base.why)
    for planned in plan.images:
        click.echo(f"{planned.action:<7} {planned.id:<30} {planned.key[:12]}  {planned.reason}")
    click.echo(f"{len(plan.to_build)} of {len(plan.images)} would be built")
