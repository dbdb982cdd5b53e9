"""Publishing what a plan names, promoting it elsewhere, going back: over the releases of a registry."""

from __future__ import annotations

import os
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ci.engines.engine import Engine
from ci.engines.process.runner import Runner
from ci.engines.skopeo import copy_image
from ci.errors import (
    CommandError,
    DiskFullError,
    DockwrightError,
    EngineError,
    RegistryError,
    StoreError,
    UsageError,
)
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
from ci.report.budget.metrics import Baseline, carried
from ci.run.release.refusal import recorded_checks, refuse_unchecked, refuse_unchecked_release
from ci.run.reuse.checked import Content
from ci.run.reuse.remote_cache import open_client, wanted
from ci.run.workspace.local_store import Store
from ci.run.workspace.workspace import Workspace
from ci.settings import Settings
from ci.smoke.ladder import needs_gpu

if TYPE_CHECKING:
    from ci.registry.client import RegistryClient

Say = Callable[[str], None]
UNCHANGED = "Nothing is released, and the current release is unchanged"


@asynccontextmanager
async def open_releases(
    namespace: RegistryNamespace, say: Say, *purposes: Purpose, environ: Mapping[str, str] = os.environ
) -> AsyncIterator[Releases]:
    """Yield the releases of a namespace, with the credentials of the first of `purposes` that has some.

    Raises:
        RegistryError: it does not answer.
    """
    async with open_client(namespace, environ, say, *purposes) as client:
        yield Releases(client=client, say=say)


async def check_registry(
    namespace: RegistryNamespace, say: Say, *purposes: Purpose, environ: Mapping[str, str] = os.environ
) -> None:
    """Check that the registry answers and accepts the credentials, before anything is built for it.

    Raises:
        RegistryError: it does not answer, or does not accept these credentials.
    """
    async with open_releases(namespace, say, *purposes, environ=environ) as releases:
        await releases.client.sign_in(releases.scope((), writes=True))


async def check_pushed(
    namespace: RegistryNamespace, plan: Plan, say: Say, *, environ: Mapping[str, str]
) -> None:
    """Check that the registry has all images of `plan`, after they were pushed.

    Raises:
        RegistryError: an image is missing, or the registry gives no answer.
    """
    async with open_client(namespace, environ, say, "REGISTRY") as client:
        await _all_available(client, plan, "not in the registry")


async def _all_available(client: RegistryClient, plan: Plan, otherwise: str) -> dict[str, KeyArtifact]:
    """Return the key artifacts of all images of `plan`, by `image:variant`.

    Raises:
        RegistryError: `otherwise`, with the images that are missing or could not be looked up.
    """
    found = await RegistryCache(client=client).look_up([wanted(planned) for planned in plan.images])
    missing = [planned.id for planned in plan.images if planned.id not in found.available]
    if missing:
        why = "".join(f"\n{warning}" for warning in found.warnings())
        raise RegistryError("absent", f"{otherwise}: {', '.join(missing)}{why}")
    return found.available


async def sources_of(
    workspace: Workspace, releases: Releases, plan: Plan, passed: Mapping[str, str]
) -> tuple[Source, ...]:
    """Return the images of `plan` as they are in the registry, parents first.

    `passed` has the digest of the config of the images that passed their present checks in a run that just
    ended, by `image:variant`. Of the others the ledger is asked.

    Raises:
        RegistryError: one of them is missing there, or could not be looked up.
        SmokeError: one of them is not known to have passed its present checks.
    """
    artifacts = await _all_available(releases.client, plan, "not in the registry, so nothing is published")
    contents = [
        Content(planned=one, config=artifacts[one.id].config, layers=artifacts[one.id].layers)
        for one in plan.images
    ]
    await refuse_unchecked(
        recorded_checks(workspace.settings, workspace.stack, releases), contents, passed, where=releases
    )
    return tuple(
        Source(
            image=planned.image.image,
            variant=planned.image.variant,
            tag=tag(planned.key),
            key=planned.key,
            digest=artifacts[planned.id].image,
            config=artifacts[planned.id].config,
        )
        for planned in plan.images
    )


async def released_images(
    releases: Releases, sources: Sequence[Source], notes: Mapping[str, str], *, gzip: bool
) -> tuple[Released, ...]:
    """Return the images of a release of `sources`, with layers in zstd as in the registry, or in gzip.

    Raises:
        RegistryError: one of them is missing in the registry, or it does not accept a layer.
        DiskFullError: there is not enough free space to compress a layer.
    """
    try:
        if not gzip:
            return await releases.images(sources, notes)
        from ci.publish.gzip_layers import GzipLayers  # with its library, which nothing else needs

        return await releases.images(sources, notes, GzipLayers(client=releases.client, say=releases.say))
    except RegistryError as error:
        raise RegistryError(error.answer, f"{error.message}. {UNCHANGED}", hint=error.hint) from error
    except OSError as error:
        raise DiskFullError(f"a layer can't be compressed: {error}. {UNCHANGED}") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """What is published: the images of `variants` (empty: all) as release `version`.

    `notes` are annotations of every image; with `gzip` the layers are compressed by that, not by zstd.
    `gpu`: the images were checked on a GPU in the run before.
    """

    version: str
    variants: tuple[str, ...] = ()
    notes: Mapping[str, str] = field(default_factory=dict)
    gzip: bool = False
    gpu: bool = False


async def publish_release(
    workspace: Workspace,
    publication: Publication,
    *,
    say: Say,
    environ: Mapping[str, str],
    passed: Mapping[str, str] | None = None,
) -> str:
    """Make a release of images that the registry has; return a sentence with its reference.

    `passed` are the images that passed their present checks, as in `sources_of`.

    Raises:
        RegistryError: the message has the state of the releases after the error.
        SmokeError: an image is not known to have passed its present checks; nothing is released.
    """
    version = publication.version
    namespace = workspace.required_registry
    plan = await workspace.plan((), publication.variants, store=Store(ids={}))
    async with open_releases(namespace, say, "RELEASE", "REGISTRY", environ=environ) as releases:
        sources = await sources_of(workspace, releases, plan, passed or {})
        untried = [planned.id for planned in plan.images if needs_gpu(planned.image)]
        if untried and not publication.gpu:
            say(f"not checked on a GPU for this release: {', '.join(untried)}; --require-gpu demands it")
        images = await released_images(releases, sources, publication.notes, gzip=publication.gzip)
        before = await metrics_before(releases, say)
        await releases.publish(version, images)
        await record_metrics(workspace, releases, version, images, before, say)
    return f"{namespace}/release:{version}: {len(images)} images, and all tags point to them"


async def metrics_before(releases: Releases, say: Say) -> Baseline:
    """Return the metrics of the current release; empty where it has none, or they can't be read."""
    try:
        version, _ = await releases.read()
        return await read_metrics(releases, version) or Baseline()
    except RegistryError as error:
        if error.answer != "absent":
            say(f"warning: the metrics of the current release can't be read: {error.message}")
        return Baseline()


async def record_metrics(
    workspace: Workspace,
    releases: Releases,
    version: str,
    images: Sequence[Released],
    before: Baseline,
    say: Say,
) -> None:
    """Push the metrics of a release that is made; an error is a warning.

    For an image that was not measured on this machine, the values of the release `before` are used, where
    the key is the same.
    """
    from ci.run.budget.measure import Measured, metrics_of  # only this function needs them
    from ci.run.budget.registered import registered

    try:
        plan = await workspace.plan((), (), store=Store(ids={}))
        known = await registered(releases.client, plan, say)
        sent = {one.id: read_manifest(one.data, one.id).compressed_bytes for one in images}
        known = replace(known, compressed={**known.compressed, **sent})
        engine = await engine_here(workspace)
        store = Store(ids=await engine.images() if engine is not None else {})
        measured = Measured(engine=engine, store=store, registry=known)
        metrics = await metrics_of(workspace, plan, set(sent), measured, say)
        merged = tuple(carried(one, before.get(one.id)) for one in metrics)
        await write_metrics(releases, version, Baseline(images=merged))
    except (DockwrightError, OSError, ValueError) as error:
        say(f"warning: release {version} is made, but without the metrics of its images: {error}")


async def engine_here(workspace: Workspace) -> Engine | None:
    """Return the engine of this machine; None where no engine is usable."""
    try:
        return await workspace.engine()
    except StoreError:
        raise
    except EngineError:
        return None


def check_base(workspace: Workspace, *, bootstrap_base: bool) -> None:
    """Refuse to publish images on a base that was made on this machine, unless that is allowed.

    Raises:
        UsageError: the base is the bootstrap base.
    """
    if workspace.base.kind == "bootstrap" and not bootstrap_base:
        raise UsageError(
            "a release should not be based on the bootstrap base, which is made on this machine",
            hint="use `--base registry` where that registry answers, or allow it with `--bootstrap-base`",
        )


async def promote_release(
    settings: Settings, origin: Releases, to: Releases, version: str
) -> tuple[str, int]:
    """Copy the release `version` of `origin` to `to`, by digest; return its version and number of images.

    Within a registry blobs are mounted; between two they are copied by skopeo, once each.

    Raises:
        RegistryError: the message has the state of the releases after the error.
        SmokeError: an image was released unchecked, or the stack here has it with checks that it has not
            passed.
    """
    try:
        version, images = await origin.read_release(version)
        await refuse_unchecked_release(settings, origin, version, images)
        for one in images:
            refuse_large_layers(read_manifest(one.data, one.id), one.id)
        await _transfer(settings, origin, to, images)
    except RegistryError as error:
        raise RegistryError(
            error.answer, f"{error.message}. {UNCHANGED} in {to.client.namespace}", hint=error.hint
        ) from error
    await to.publish(version, images)
    try:
        metrics = await read_metrics(origin, version)
        if metrics is not None:
            await write_metrics(to, version, metrics)
    except RegistryError as error:
        to.say(f"warning: release {version} is made, but without the metrics of its images: {error}")
    return version, len(images)


async def _transfer(settings: Settings, origin: Releases, to: Releases, images: Sequence[Released]) -> None:
    """Mount or copy the blobs of images of `origin` to `to`.

    Raises:
        RegistryError: one registry does not give a blob, or the other does not accept it.
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
            await to.send(mount, (*reading, *writing))


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
            to.say(f"{one.id}: copying")
            try:
                await runner.run(copy_image(source, target, authfiles=(files[0], files[1])))
            except CommandError as error:
                raise RegistryError("unreachable", f"{one.id} could not be copied: {error}") from error
