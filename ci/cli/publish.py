"""publish, verify, promote and rollback: releases, and the tags that follow them."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from functools import partial

import anyio
import click

from ci.cli.display.message import say
from ci.cli.options import (
    base_option,
    check_options,
    checks_of,
    engine_option,
    progress_option,
    registry_option,
    variant_option,
)
from ci.cli.setup.install import install_first
from ci.cli.terminal_run import run_here
from ci.errors import RegistryError, UsageError
from ci.plan.plan import check_variants
from ci.publish.release import CURRENT, Push, Put, check_version, pushes
from ci.publish.releases import Lag
from ci.publish.stale_tags import stale_tags
from ci.registry.credentials import Purpose
from ci.registry.namespace import RegistryNamespace, parse_namespace
from ci.run.build.request import Request
from ci.run.git.revision import Revision, revision_of
from ci.run.release.release import (
    Publication,
    check_base,
    check_registry,
    open_releases,
    promote_release,
    publish_release,
    released_images,
    sources_of,
)
from ci.run.workspace.local_store import Store
from ci.run.workspace.workspace import Workspace, open_workspace, registry_namespace
from ci.settings import Settings


@click.command()
@variant_option
@base_option
@engine_option
@registry_option
@click.option(
    "--version",
    metavar="VERSION",
    help="Version of the release. Default: the first 12 digits of the git revision.",
)
@click.option("--bootstrap-base", is_flag=True, help="Allow a release of images on the bootstrap base.")
@click.option(
    "--compression",
    type=click.Choice(["zstd", "gzip"]),
    default="zstd",
    help="Compression of the layers. gzip is for programs without zstd, such as Docker before 23. "
    "Default: zstd.",
)
@check_options
@progress_option
@click.option(
    "--dry-run", is_flag=True, help="Print the requests that a release needs, without sending them."
)
@click.pass_obj
def publish(  # noqa: PLR0913 click: an option each
    settings: Settings,
    variants: tuple[str, ...],
    base: str | None,
    engine: str | None,
    registry: str | None,
    version: str | None,
    bootstrap_base: bool,
    compression: str,
    gpu: bool,
    require_gpu: bool,
    no_ledger: bool,
    progress: str | None,
    dry_run: bool,
) -> None:
    """Release all images in a registry, then move the tags to the release.

    Images that the registry does not have are built, checked and pushed first. Images whose present checks
    are not recorded as passed are checked again; one that fails is not released. The release is one image
    index, release:VERSION. Then the tags VARIANT-VERSION and VARIANT of each image are moved to it. If
    publish is interrupted, run the same command again: it continues where it stopped.
    """
    settings = settings.with_(
        base=base, engine=engine, registry=registry, progress=progress, cache="read-write"
    )
    if dry_run and compression == "gzip":
        raise UsageError(
            "--dry-run does not work with --compression gzip: the layers are not compressed yet",
            hint="leave out --compression gzip",
        )
    workspace = open_workspace(settings)
    namespace = workspace.required_registry
    check_variants(workspace.stack, variants)
    revision = revision_of(workspace.directory)
    version = check_version(version) if version else _version(revision)
    check_base(workspace, bootstrap_base=bootstrap_base)
    anyio.run(partial(check_registry, namespace, say, "RELEASE", "REGISTRY"))
    passed: Mapping[str, str] = {}
    if not dry_run:
        request = Request(
            variants=variants,
            frozen=True,
            checks=checks_of(gpu, require_gpu, no_ledger),
            argv=tuple(sys.argv[1:]),
        )
        result = anyio.run(run_here, workspace, request)
        if result.exit_code != 0:
            sys.exit(result.exit_code)
        passed = result.passed
    publication = Publication(
        version=version,
        variants=variants,
        notes=revision.notes,
        gzip=compression == "gzip",
        gpu=require_gpu,
    )
    if dry_run:
        anyio.run(_print_requests, workspace, publication)
        return
    publishing = partial(publish_release, workspace, publication, say=say, environ=os.environ, passed=passed)
    click.echo(anyio.run(publishing))


async def _print_requests(workspace: Workspace, publication: Publication) -> None:
    namespace = workspace.required_registry
    plan = await workspace.plan((), publication.variants, store=Store(ids={}))
    async with open_releases(namespace, say, "RELEASE", "REGISTRY") as releases:
        sources = await sources_of(workspace, releases, plan, {})
        images = await released_images(releases, sources, publication.notes, gzip=False)
    for push in pushes(namespace.path, publication.version, images):
        click.echo(push_line(namespace, push))


def push_line(namespace: RegistryNamespace, push: Push) -> str:
    """Return a request of a release as a line."""
    if isinstance(push, Put):
        return f"put    {namespace.host}/{push.repository}:{push.reference}  {len(push.data)} bytes"
    return f"mount  {namespace.host}/{push.to}  {push.digest} of {push.origin}"


@click.command()
@click.argument("version", default=CURRENT)
@registry_option
@click.pass_obj
def verify(settings: Settings, version: str, registry: str | None) -> None:
    """Show every tag that does not point to the image of its release.

    Without VERSION, the current release is verified, and stale tags are listed: tags of images that only an
    earlier release has. Stale tags are not an error. Exit code 9 if a tag of the release is wrong or
    missing.
    """
    anyio.run(_verify, registry_namespace(settings.with_(registry=registry)), version)


async def _verify(namespace: RegistryNamespace, version: str) -> None:
    async with open_releases(namespace, say, "RELEASE", "REGISTRY") as releases:
        name, images = await releases.read(version)
        lags = await releases.verify(version)
        stale = await stale_tags(releases) if version == CURRENT else ()
    for reference in stale:
        click.echo(f"{reference}: stale: release {name} has no such image; the tag is of an earlier release")
    for line in lag_lines(lags):
        click.echo(line)
    if lags:
        raise RegistryError(
            "corrupt",
            f"{len(lags)} tags do not point to the images of release {name}",
            hint=f"`dockwright rollback {name}` sets them",
        )
    click.echo(f"{namespace}/release:{name}: {len(images)} images, and all tags point to them")


def lag_lines(lags: Sequence[Lag]) -> list[str]:
    """Return a line for each tag that does not point to its release."""
    return [f"{lag.reference}: {lag.actual or 'missing'}, expected {lag.expected}" for lag in lags]


@click.command()
@click.argument("version")
@registry_option
@click.pass_obj
def rollback(settings: Settings, version: str, registry: str | None) -> None:
    """Make an earlier release the current one and move the tags back."""
    anyio.run(_rollback, registry_namespace(settings.with_(registry=registry)), check_version(version))


async def _rollback(namespace: RegistryNamespace, version: str) -> None:
    async with open_releases(namespace, say, "RELEASE", "REGISTRY") as releases:
        await releases.restore(version)
    click.echo(f"{namespace}: release {version} is the current one")


@click.command()
@click.argument("origin", metavar="FROM")
@click.argument("to", metavar="TO")
@click.option(
    "--version", default=CURRENT, metavar="VERSION", help="Release to copy. Default: the current release."
)
@click.pass_obj
def promote(settings: Settings, origin: str, to: str, version: str) -> None:
    """Copy a release from namespace FROM to namespace TO, by digest.

    Nothing is built and no image changes. FROM and TO are HOST[:PORT]/NAMESPACE.
    """
    source, target = parse_namespace(origin), parse_namespace(to)
    install_first()
    anyio.run(_promote, settings, source, target, version)


async def _promote(
    settings: Settings, origin: RegistryNamespace, to: RegistryNamespace, version: str
) -> None:
    # the credentials of the environment are for FROM, and are sent to no other host
    purposes: tuple[Purpose, ...] = ("RELEASE", "REGISTRY") if to.host == origin.host else ("RELEASE",)
    async with (
        open_releases(origin, say, "REGISTRY") as source,
        open_releases(to, say, *purposes) as target,
    ):
        name, count = await promote_release(settings, source, target, version)
    click.echo(f"{to}/release:{name}: {count} images of {origin}, and all tags point to them")


def _version(revision: Revision) -> str:
    if not revision.commit:
        raise UsageError(
            "the stack is not in a git repository, so the release has no version", hint="add --version V"
        )
    if not revision.is_clean:
        raise UsageError(
            "the stack has uncommitted changes, so its revision can't be the version of the release",
            hint="commit them, or add --version V",
        )
    return revision.commit[:12]
