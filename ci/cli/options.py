"""Options that several commands share."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import click

from ci.cli.completion.candidates import complete_image, complete_variant
from ci.cli.display.progress import Progress
from ci.errors import UsageError
from ci.names.folder import printable, unusable
from ci.run.build.request import Request
from ci.settings import Settings
from ci.smoke.check_options import CheckOptions

images_argument = click.argument(
    "images", nargs=-1, metavar="[IMAGE[:VARIANT]]...", shell_complete=complete_image
)
some_images_argument = click.argument(
    "images", nargs=-1, required=True, metavar="IMAGE[:VARIANT]...", shell_complete=complete_image
)
image_argument = click.argument("image", metavar="IMAGE[:VARIANT]", shell_complete=complete_image)

variant_option = click.option(
    "--variant",
    "variants",
    multiple=True,
    metavar="VARIANT",
    shell_complete=complete_variant,
    help="Only this variant, such as cpu or cuda. Repeatable.",
)
base_option = click.option(
    "--base",
    type=click.Choice(["auto", "registry", "bootstrap"]),
    help="Kind of base image. Default: the value in stack.toml.",
)

REGISTRY = "HOST[:PORT]/NAMESPACE"

registry_option = click.option(
    "--registry", metavar=REGISTRY, help="Registry to use. Default: the setting DOCKWRIGHT_REGISTRY."
)
reuse_option = click.option(
    "--registry",
    metavar=REGISTRY,
    help="Reuse images from this registry: images that it has are not built or downloaded.",
)


engine_option = click.option(
    "--engine",
    type=click.Choice(["auto", "buildah", "podman", "docker", "dagger"]),
    help="Engine to build with. Default: auto, which is Buildah, else Podman, else Docker.",
)


progress_option = click.option(
    "--progress",
    type=click.Choice([mode.value for mode in Progress]),
    help="Progress display. Default: auto, which is rich on a terminal, else plain.",
)


frozen_option = click.option(
    "--frozen",
    is_flag=True,
    help="Fail if the Debian mirror no longer has a locked package. Without this, such packages are locked "
    "again for this run.",
)


cache_option = click.option(
    "--cache",
    type=click.Choice(["off", "read", "read-write"]),
    help="How the registry is used. read-write also pushes images that it does not have. Default: read.",
)


wheels_option = click.option(
    "--wheels",
    type=click.Choice(["compiled", "all"]),
    help="Wheels to share through the registry. With all, a run needs no Python package index. "
    "Default: compiled.",
)


CHECK_OPTIONS = (
    click.option(
        "--gpu", is_flag=True, help="Also run the GPU checks of CUDA images, if this machine has a GPU."
    ),
    click.option("--require-gpu", is_flag=True, help="Like --gpu, but fail if this machine has no GPU."),
    click.option(
        "--no-ledger", is_flag=True, help="Run every check, including checks that are recorded as passed."
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
        help="Build without a network, from a folder that `dockwright wheelhouse --export` wrote.",
    ),
    click.option(
        "--jobs", type=click.IntRange(min=1), help="Tasks to run in parallel. Default: one per core."
    ),
    progress_option,
    click.option(
        "--ignore-disk", is_flag=True, help="Start even if the estimate says that the disk is too small."
    ),
    frozen_option,
    reuse_option,
    cache_option,
    wheels_option,
    *CHECK_OPTIONS,
    click.option("--dry-run", is_flag=True, help="Print what would be done, without doing it."),
    click.option("--fail-fast", is_flag=True, help="Start no new task after the first failure."),
)
"""Options of every command that builds images, in the order of their help."""


SETTINGS = ("base", "engine", "jobs", "progress", "ignore_disk", "registry", "cache", "wheels")
"""Those of `RUN_OPTIONS` that are settings, by the setting's name; all others belong to the request."""


def check_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of `CHECK_OPTIONS`."""
    for option in reversed(CHECK_OPTIONS):
        command = option(command)
    return command


def run_options(command: Callable[[Settings, Request, bool], None]) -> Callable[..., None]:
    """Give a command the options of `RUN_OPTIONS`.

    It is called with its settings, its request, and whether the request is only to be printed.
    """

    @wraps(command)
    def called(settings: Settings, *, dry_run: bool, **given: Any) -> None:
        own = {name: given.pop(name) for name in SETTINGS}
        own["ignore_disk"] = own["ignore_disk"] or None
        command(settings.with_(**own), request_of(given), dry_run)

    found: Callable[..., None] = click.pass_obj(called)
    for option in reversed(RUN_OPTIONS):
        found = option(found)
    return found


def request_of(given: dict[str, Any]) -> Request:
    """Return the request of a command; `given` are the values of its options and arguments by name."""
    bundle: Path | None = given.pop("bundle")
    if bundle is not None and (reason := unusable(bundle.absolute())):
        raise UsageError(
            f"--wheelhouse {printable(bundle)}: the folder can't be used: {reason}",
            hint="use a folder whose path has letters, digits and `. _ - + @ ~` only",
        )
    return Request(
        names=given.pop("images", ()),
        bundle=bundle.absolute() if bundle is not None else None,
        checks=checks_of(given.pop("gpu"), given.pop("require_gpu"), given.pop("no_ledger")),
        argv=tuple(sys.argv[1:]),
        **given,
    )


def checks_of(gpu: bool, require_gpu: bool, no_ledger: bool) -> CheckOptions:
    """Return what `CHECK_OPTIONS` ask for."""
    return CheckOptions(gpu=gpu, require_gpu=require_gpu, ledger=not no_ledger)
