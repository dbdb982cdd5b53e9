"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypedDict

import click

from ci.cli.display.progress import Progress

variant_option = click.option(
    "--variant",
    "variants",
    multiple=True,
    metavar="VARIANT",
    help="Only this variant (cpu, cuda); may be given again.",
)
base_option = click.option(
    "--base",
    type=click.Choice(["auto", "registry", "bootstrap"]),
    help="Kind of base; default: stack.toml's.",
)

registry_option = click.option(
    "--registry",
    metavar="HOST[:PORT]/NAMESPACE",
    help="Reuse images by key from here: what it has is neither built nor fetched.",
)


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


class RunArguments(TypedDict):
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
