"""Publishing what a plan names, promoting it elsewhere, going back: over the releases of a registry."""

from __future__ import annotations

import os
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ci.engines.buildah.commands import copy_image
from ci.engines.engine import Engine
from ci.engines.process.runner import Runner
from ci.errors import CommandError, DiskFullError, DockwrightError, EngineError, RegistryError, UsageError
from ci.plan.keys import tag
from ci.plan.plan import Plan
from ci.publish.release import REPOSITORY, Mount, Released
from ci.publish.release_metrics import read_metrics, write_metrics
from ci.publish.releases import Releases
from ci.publish.source import Source
from ci.registry.cache import RegistryCache
from ci.registry.credentials import Purpose, write_authfile
from ci.registry.key_artifact import KeyArtifact
from ci.registry.manifest import read_manifest, refuse_large_layers
from ci.registry.namespace import RegistryNamespace
from ci.report.budget.figures import Baseline, carried
from ci.run.reuse.remote_cache import open_client, wanted
from ci.run.workspace.local_store import Store
from ci.run.workspace.workspace import Workspace
from ci.settings import Settings

if TYPE_CHECKING:
    from ci.registry.client import RegistryClient

Say = Callable[[str], None]
UNTOUCHED = "nothing is released, and what was released before stands"


@asynccontextmanager
async def open_releases(
    namespace: RegistryNamespace, say: Say, *purposes: Purpose, environ: Mapping[str, str] = os.environ
) -> AsyncIterator[Releases]:
    """Yield the releases at `namespace`, with the credentials for the first of `purposes` that has some.

    Raises:
        RegistryError: it does not answer.
    """
    async with open_client(namespace, environ, say, *purposes) as client:
        yield Releases(client=client, say=say)


async def check_registry(
    namespace: RegistryNamespace, say: Say, *purposes: Purpose, environ: Mapping[str, str] = os.environ
) -> None:
    """Look for the registry, and whether it takes the credentials, before anything is built for it.

    Raises:
        RegistryError: it does not answer, or not to these credentials.
    """
    async with open_releases(namespace, say, *purposes, environ=environ) as releases:
        await releases.client.sign_in(releases.scope((), writes=True))


async def check_pushed(
    namespace: RegistryNamespace, plan: Plan, say: Say, *, environ: Mapping[str, str]
) -> None:
    """Make sure that the registry has all of `plan`, whatever became of pushing it.

    Raises:
        RegistryError: it lacks an image, or does not tell.
    """
    async with open_client(namespace, environ, say, "REGISTRY") as client:
        await _all_there(client, plan, "not in the registry")


async def _all_there(client: RegistryClient, plan: Plan, otherwise: str) -> dict[str, KeyArtifact]:
    """Return what stands beside each image of `plan` under its key, by `image:variant`.

    Raises:
        RegistryError: `otherwise`, with the images that are not there, or can't be looked up.
    """
    found = await RegistryCache(client=client).look_up([wanted(planned) for planned in plan.images])
    missing = [planned.id for planned in plan.images if planned.id not in found.available]
    if missing:
        why = "".join(f"\n{warning}" for warning in found.warnings())
        raise RegistryError("absent", f"{otherwise}: {', '.join(missing)}{why}")
    return found.available


async def sources_of(releases: Releases, plan: Plan) -> tuple[Source, ...]:
    """Return the images of `plan` as they lie in the registry, parents first.

    Raises:
        RegistryError: one of them is not there under its key, or can't be looked up.
    """
    hits = await _all_there(releases.client, plan, "not in the registry, so nothing is published")
    return tuple(
        Source(
            image=planned.image.image,
            variant=planned.image.variant,
            tag=tag(planned.key),
            key=planned.key,
            digest=hits[planned.id].image,
            config=hits[planned.id].config,
        )
        for planned in plan.images
    )


async def released_images(
    releases: Releases, sources: Sequence[Source], notes: Mapping[str, str], *, gzip: bool
) -> tuple[Released, ...]:
    """Return what a release of `sources` consists of, with layers in zstd as they lie there, or in gzip.

    Raises:
        RegistryError: the registry lacks one of them, or does not take a layer.
        DiskFullError: there is no room to compress a layer anew.
    """
    try:
        if not gzip:
            return await releases.images(sources, notes)
        from ci.publish.gzip_layers import Gzipped  # with its library, which nothing else needs

        return await releases.images(sources, notes, Gzipped(client=releases.client, say=releases.say))
    except RegistryError as error:
        raise RegistryError(error.answer, f"{error}; {UNTOUCHED}") from error
    except OSError as error:
        raise DiskFullError(f"a layer can't be compressed anew: {error}; {UNTOUCHED}") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """What is published: the images of `variants` (empty: all) as release `version`.

    `notes` are annotations of every image; with `gzip` the layers are compressed by that, not by zstd.
    """

    version: str
    variants: tuple[str, ...] = ()
    notes: Mapping[str, str] = field(default_factory=dict)
    gzip: bool = False


async def publish_release(
    workspace: Workspace, publication: Publication, *, say: Say, environ: Mapping[str, str]
) -> str:
    """Make a release of images that the registry has; return a sentence with its reference.

    Raises:
        RegistryError: the message has the state of the releases after the error.
    """
    version = publication.version
    namespace = workspace.required_registry
    plan = await workspace.plan((), publication.variants, store=Store(ids={}))
    async with open_releases(namespace, say, "RELEASE", "REGISTRY", environ=environ) as releases:
        sources = await sources_of(releases, plan)
        images = await released_images(releases, sources, publication.notes, gzip=publication.gzip)
        before = await metrics_before(releases, say)
        await releases.publish(version, images)
        await record_metrics(workspace, releases, version, images, before, say)
    return f"{namespace}/release:{version}: {len(images)} images, and every tag names what it does"


async def metrics_before(releases: Releases, say: Say) -> Baseline:
    """Return the figures of the current release; none where there are none, or they can't be had."""
    try:
        version, _ = await releases.read()
        return await read_metrics(releases, version) or Baseline()
    except RegistryError as error:
        if error.answer != "absent":
            say(f"warning: the figures of the release before can't be read: {error}")
        return Baseline()


async def record_metrics(
    workspace: Workspace,
    releases: Releases,
    version: str,
    images: Sequence[Released],
    before: Baseline,
    say: Say,
) -> None:
    """Let stand beside a release, which is made, what its images take; what goes wrong is a warning.

    What nobody measured here is that of the release `before`, where it has the same key.
    """
    from ci.run.budget.measure import (  # with what measures, which nothing else here needs
        metrics_of,
        registered,
    )

    try:
        plan = await workspace.plan((), (), store=Store(ids={}))
        there = await registered(releases.client, plan, say)
        sent = {one.id: sum(layer.size for layer in read_manifest(one.data, one.id).layers) for one in images}
        there = replace(there, compressed={**there.compressed, **sent})
        engine = engine_here(workspace)
        figures = await metrics_of(
            workspace,
            plan,
            set(sent),
            engine=engine,
            store=Store(ids=await engine.images() if engine is not None else {}),
            registry=there,
            say=say,
        )
        kept = tuple(carried(one, before.get(one.id)) for one in figures)
        await write_metrics(releases, version, Baseline(images=kept))
    except (DockwrightError, OSError, ValueError) as error:
        say(f"warning: release {version} is made, without the figures of its images: {error}")


def engine_here(workspace: Workspace) -> Engine | None:
    """Return the engine whose store this machine has; None where there is none."""
    try:
        return workspace.engine()
    except EngineError:
        return None


def check_base(workspace: Workspace, *, bootstrap_base: bool) -> None:
    """Refuse to publish what rests on a base made here, unless that is meant.

    Raises:
        UsageError: it does.
    """
    if workspace.base.kind == "bootstrap" and not bootstrap_base:
        raise UsageError(
            "the base is made of Debian packages on this machine (bootstrap), which no release should rest "
            "on; use `--base registry` where that registry answers, or insist with `--bootstrap-base`"
        )


async def promote_release(
    settings: Settings, origin: Releases, to: Releases, version: str
) -> tuple[str, int]:
    """Make the release `version` of `origin` one of `to`, by digest; return its version and size.

    Within a registry blobs are mounted; between two they are copied by skopeo, once each.

    Raises:
        RegistryError: what stands is in the message.
    """
    try:
        version, images = await origin.read_release(version)
        for one in images:
            refuse_large_layers(read_manifest(one.data, one.id), one.id)
        await _bring(settings, origin, to, images)
    except RegistryError as error:
        raise RegistryError(error.answer, f"{error}; in {to.client.namespace} {UNTOUCHED}") from error
    await to.publish(version, images)
    try:
        figures = await read_metrics(origin, version)
        if figures is not None:
            await write_metrics(to, version, figures)
    except RegistryError as error:
        to.say(f"warning: release {version} is made, without the figures of its images: {error}")
    return version, len(images)


async def _bring(settings: Settings, origin: Releases, to: Releases, images: Sequence[Released]) -> None:
    """Let `to` have what images of `origin` consist of.

    Raises:
        RegistryError: the one does not give it, or the other does not take it.
    """
    names = [one.image for one in images]
    reading, writing = origin.scope(names, writes=False), to.scope(names, writes=True)
    release = origin.client.namespace.repository(REPOSITORY)
    if origin.client.namespace.host != to.client.namespace.host:
        await _copy(settings, origin, to, images)
        return
    for one in images:
        manifest = read_manifest(one.data, one.id)
        for blob in (manifest.config, *manifest.layers):
            mount = Mount(blob.digest, release, to.client.namespace.repository(one.image))
            await to.do(mount, (*reading, *writing))


async def _copy(settings: Settings, origin: Releases, to: Releases, images: Sequence[Released]) -> None:
    runner = Runner(limit_s=settings.step_timeout_s)
    with tempfile.TemporaryDirectory(prefix="dockwright-promote-") as folder:
        files = []
        for name, client in (("from", origin.client), ("to", to.client)):
            path = Path(folder, f"{name}.json")
            files.append(write_authfile(path, client.namespace.host, client.credentials))
        for one in images:
            source = origin.client.namespace.reference(REPOSITORY, digest=one.digest)
            target = to.client.namespace.reference(one.image, digest=one.digest)
            to.say(f"copies {one.id}")
            try:
                await runner.run(copy_image(source, target, authfiles=(files[0], files[1])))
            except CommandError as error:
                raise RegistryError("unreachable", f"{one.id} is not copied: {error}") from error
