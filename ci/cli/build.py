"""build-all, build and wheelhouse: the commands that build something."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypedDict, Unpack

import anyio
import click

from ci.cli.display.progress import Progress, print_end_table, shown
from ci.cli.engine import opened_engine
from ci.cli.options import base_option, registry_option, variant_option
from ci.cli.setup.install import install_first
from ci.engines.engine import Engine, Output
from ci.errors import DiskError, GoneError
from ci.plan.plan import Plan, check_variants
from ci.report.units import size_text
from ci.run.build.registry_tasks import built_twice
from ci.run.build.run import Request, run_whole
from ci.run.cleanup.run_owner import owned
from ci.run.estimate.disk import file_systems, places
from ci.run.estimate.forecast import forecast
from ci.run.estimate.needs import Estimate
from ci.run.estimate.preview import opening_lines, refusal_text
from ci.run.inputs.bundle import export
from ci.run.inputs.local import WAITING, Houses
from ci.run.inputs.lost_packages import relocked
from ci.run.reuse.remote_cache import Remote, looked_up
from ci.run.reuse.store_health import seen_plan
from ci.run.tasks.event_log import Listener
from ci.run.workspace.local_store import Store
from ci.run.workspace.workspace import Workspace, open_workspace
from ci.settings import Settings
from ci.smoke.image_checks import Wish

engine_option = click.option(
    "--engine",
    type=click.Choice(["auto", "buildah", "podman", "docker", "dagger"]),
    help="What builds; default: auto, which is Buildah, else Podman, else Docker.",
)
progress_option = click.option(
    "--progress", type=click.Choice([mode.value for mode in Progress]), help="How the run is shown."
)
frozen_option = click.option(
    "--frozen",
    is_flag=True,
    help="Refuse, instead of locking anew for this run, when the mirror has lost a locked Debian package.",
)
cache_option = click.option(
    "--cache",
    type=click.Choice(["off", "read", "read-write"]),
    help="What is done with the registry; read-write also pushes what it lacks. Default: read.",
)
wheels_option = click.option(
    "--wheels",
    type=click.Choice(["compiled", "all"]),
    help="Which wheels are shared by the registry; all: a runner needs no Python index. Default: compiled.",
)
CHECK_OPTIONS = (
    click.option(
        "--gpu", is_flag=True, help="Also compute on a GPU, in each CUDA image, where there is one."
    ),
    click.option("--require-gpu", is_flag=True, help="As --gpu, and fail where there is no GPU."),
    click.option(
        "--no-ledger", is_flag=True, help="Do every check again, whatever is recorded to have passed."
    ),
)
"""Options of the checks, the same wherever images are checked."""
RUN_OPTIONS = (
    variant_option,
    base_option,
    engine_option,
    click.option(
        "--wheelhouse",
        "bundle",
        type=click.Path(exists=True, file_okay=False, path_type=Path),
        help="Build from this exported folder, without any network.",
    ),
    click.option("--jobs", type=click.IntRange(min=1), help="Tasks at once; default: one per core."),
    progress_option,
    click.option("--ignore-disk", is_flag=True, help="Start though an estimate says that the disk won't do."),
    frozen_option,
    registry_option,
    cache_option,
    wheels_option,
    *CHECK_OPTIONS,
    click.option("--dry-run", is_flag=True, help="Print what would be done, and do nothing."),
    click.option("--fail-fast", is_flag=True, help="Start nothing after the first failure."),
)
"""Options of every command that builds images, in the order of their help."""


class Asked(TypedDict):
    """What the options of a command that builds images were given."""

    variants: tuple[str, ...]
    base: str | None
    engine: str | None
    bundle: Path | None
    jobs: int | None
    progress: str | None
    ignore_disk: bool
    frozen: bool
    registry: str | None
    cache: str | None
    wheels: str | None
    gpu: bool
    require_gpu: bool
    no_ledger: bool
    dry_run: bool
    fail_fast: bool
    rebuild: bool


def check_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of `CHECK_OPTIONS`."""
    for option in reversed(CHECK_OPTIONS):
        command = option(command)
    return command


def run_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of `RUN_OPTIONS`."""
    for option in reversed(RUN_OPTIONS):
        command = option(command)
    return command


@click.command("build-all")
@run_options
@click.option("--rebuild", is_flag=True, help="Build everything again, without the layers of earlier builds.")
@click.pass_obj
def build_all(settings: Settings, **asked: Unpack[Asked]) -> None:
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
def build(settings: Settings, images: tuple[str, ...], **asked: Unpack[Asked]) -> None:
    """Build some images and what they are built on."""
    _build(settings, images, asked)


@click.command()
@click.argument("images", nargs=-1, metavar="[IMAGE[:VARIANT]]...")
@run_options
@click.pass_obj
def smoke(settings: Settings, images: tuple[str, ...], **asked: Unpack[Asked]) -> None:
    """Check images again, those too that are there already.

    What the registry has is fetched for it, what is nowhere is built. What passed before in the same image,
    by the same checks, on the same class of machine is not repeated. Exit code 0 only if all checks hold.
    """
    asked["rebuild"] = False
    _build(settings, images, asked, smoke=True)


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
@frozen_option
@click.pass_obj
def wheelhouse(
    settings: Settings,
    variants: tuple[str, ...],
    base: str | None,
    engine: str | None,
    target: Path | None,
    progress: str | None,
    frozen: bool,
) -> None:
    """Fetch all wheels and Debian packages by hash, and compile what has no wheel.

    What is exported is what the locks name, so --export is --frozen.
    """
    settings = settings.with_(base=base, engine=engine, progress=progress)
    workspace = open_workspace(settings)
    check_variants(workspace.stack, variants)
    click.echo(workspace.base.why, err=True)
    install_first()
    anyio.run(_fetch, workspace, variants or workspace.stack.variants, target, frozen or target is not None)


async def _fetch(workspace: Workspace, variants: tuple[str, ...], target: Path | None, frozen: bool) -> None:
    try:
        await _fill(workspace, variants, target)
    except GoneError as gone:
        workspace, said = await relocked(workspace, gone, frozen=frozen)
        for line in said:
            click.echo(line, err=True)
        await _fill(workspace, variants, target)


async def _fill(workspace: Workspace, variants: tuple[str, ...], target: Path | None) -> None:
    async with owned(workspace, workspace.engine(), note=_tell, warn=_tell) as (own, engine):
        await _fill_houses(Houses(workspace=own, engine=engine), variants, target)


async def _fill_houses(houses: Houses, variants: tuple[str, ...], target: Path | None) -> None:
    workspace = houses.workspace
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
    if line.startswith(("debhouse: ", "wheelhouse: ", WAITING)):
        _tell(line)


def _tell(line: str) -> None:
    click.echo(line, err=True)


def _build(settings: Settings, names: tuple[str, ...], asked: Asked, *, smoke: bool = False) -> None:
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


async def build_here(
    workspace: Workspace, names: tuple[str, ...], asked: Asked, *, smoke: bool = False
) -> int:
    """Build what is asked for and return the exit code."""
    wish = Wish(gpu=asked["gpu"], require_gpu=asked["require_gpu"], ledger=not asked["no_ledger"])
    request = Request(
        names=names,
        variants=asked["variants"],
        bundle=asked["bundle"],
        rebuild=asked["rebuild"],
        frozen=asked["frozen"],
        fail_fast=asked["fail_fast"],
        smoke=smoke,
        wish=wish,
        argv=tuple(sys.argv[1:]),
    )
    if asked["dry_run"]:
        return await _dry_run(workspace, request)
    finished = await run_whole(workspace, request, CommandLine(request), os.environ)
    report = finished.report
    print_end_table(report, stream=sys.stdout, environ=os.environ)
    if report.disk is not None:
        click.echo(f"disk: at most {size_text(report.disk.peak_bytes)} more in use than at the start")
    twice = built_twice(report)
    if twice:
        click.echo(f"built here and by another runner at once: {len(twice)} ({', '.join(twice)})")
    click.echo(f"engine: {finished.engine or 'none was needed'}; report: {finished.directory.report}")
    return finished.exit_code


async def _dry_run(workspace: Workspace, request: Request) -> int:
    click.echo(workspace.base.why)
    plan_of = partial(request.plan, workspace)
    async with looked_up(workspace.settings, os.environ, plan_of, _tell) as remote:
        plan_of = partial(plan_of, remote=remote.ids if remote is not None else ())
        store, plan = await seen_plan(workspace, plan_of, say=_tell)
    for warning in remote.warnings if remote is not None else ():
        _tell(f"warning: {warning}")
    plan = request.with_checked(plan, store.tags(workspace.stack.namespace))
    _, refusal = _open(workspace, plan, store, request, remote, engine=workspace.settings.engine)
    for planned in plan.images:
        click.echo(f"{planned.action:<7} {planned.id:<30} {planned.key[:12]}  {planned.reason}")
    checked = ", and all checked" if request.looks_again else ""
    click.echo(f"{len(plan.to_build)} of {len(plan.images)} would be built{checked}")
    if refusal:
        click.echo(f"it would be refused: {refusal}")
    return 0


@dataclass(frozen=True, slots=True)
class CommandLine:
    """A run that the command line starts: see ci/run/build/run.py."""

    request: Request

    def say(self, line: str) -> None:
        """Tell the user a line at once."""
        _tell(line)

    @asynccontextmanager
    async def opened(self, workspace: Workspace) -> AsyncIterator[Engine]:
        """Open the engine of the settings, with what it needs installed first."""
        async with opened_engine(workspace, say=_tell) as engine:
            yield engine

    def shown(self, workspace: Workspace) -> AbstractContextManager[Listener]:
        """Show the events of a run on standard error."""
        return _shown(workspace)

    def forecast(
        self, workspace: Workspace, plan: Plan, store: Store, remote: Remote | None, engine: str, /
    ) -> Estimate | None:
        """Say what the run needs. Raises DiskError where there is no room for it."""
        if engine == "dagger":
            return None  # its disk is not this machine's
        estimate, refusal = _open(workspace, plan, store, self.request, remote, engine=engine)
        if refusal:
            raise DiskError(refusal)
        return estimate


def _shown(workspace: Workspace) -> AbstractContextManager[Listener]:
    mode = Progress(workspace.settings.progress)
    return shown(mode, stream=sys.stderr, environ=os.environ, clock=time.monotonic)


def _open(
    workspace: Workspace, plan: Plan, store: Store, request: Request, remote: Remote | None, *, engine: str
) -> tuple[Estimate, str]:
    """Say what the run needs; return that, and why the disk is too small for it (else nothing)."""
    settings = workspace.settings
    run = forecast(
        workspace,
        plan,
        store,
        cache=not request.rebuild,
        bundle=request.bundle is not None,
        remote=remote.sizes if remote is not None else {},
    )
    written = places(settings, engine="buildah" if engine == "auto" else engine)
    systems = file_systems(written)
    variants = {planned.image.variant for planned in plan.to_build}
    for line in opening_lines(run, systems, variants):
        click.echo(line, err=True)
    if settings.ignore_disk:
        return run, ""
    return run, refusal_text(run, systems, variants, floor_bytes=settings.disk_floor_mb * 10**6)
