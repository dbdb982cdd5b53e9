"""The remote cache of a run: what a registry has of a plan, and what the run adds. Errors are warnings."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import anyio

from ci.engines.engine import Engine, ImageInfo, Output
from ci.errors import CommandError, RegistryError
from ci.names.digest import bare_digest, short_digest, whole_digest
from ci.plan.keys import tag
from ci.plan.plan import Plan, PlannedImage
from ci.registry.cache import RegistryCache, Wanted
from ci.registry.credentials import Purpose, find_credentials, write_authfile
from ci.registry.key_artifact import DOCUMENT_LIMIT_BYTES, KeyArtifact, read_document
from ci.registry.manifest import read_manifest, refuse_large_layer
from ci.registry.namespace import RegistryNamespace
from ci.registry.retry import TRANSIENT, RetryPolicy
from ci.registry.wheel_set import RegistryWheelSets
from ci.registry.wheel_store import WheelStore
from ci.registry.wheels import RegistryWheels
from ci.run.workspace.image_record import ImageRecord
from ci.run.workspace.local_store import KEY_LABEL, Store

if TYPE_CHECKING:
    from ci.registry.client import RegistryClient
from ci.run.workspace.workspace import Workspace

Pushed = Literal["pushed", "concurrent", "present"]
"""How a push ended: done, done by another runner since the look-up, or already present before."""
MISSING_BLOB_TEXT = re.compile(r"blob unknown|blob upload (?:unknown|invalid)", re.IGNORECASE)
"""The errors of a manifest whose blobs are missing, and of an upload that a restarted registry has lost.

Source: OCI distribution-spec 1.1, Error Codes.
"""
TRANSIENT_TEXT = re.compile(
    rf"status(?:code)?:? (?:{'|'.join(map(str, sorted(TRANSIENT)))})\b"
    r"|connection (?:reset|refused|broken)|closed network connection|broken pipe|\bEOF\b"
    r"|(?:i/o|handshake) timeout|context deadline exceeded|toomanyrequests"
    rf"|\b(?:{'|'.join(map(str, sorted(TRANSIENT)))}) [A-Z][A-Za-z]+(?: [A-Z][A-Za-z]+)*",
    re.IGNORECASE,
)
"""The texts by which skopeo and Buildah report transient errors; they have no other way."""


@dataclass(slots=True, kw_only=True)
class RemoteCache:
    """A registry that answered; `available` are the images of the plan that it has, by `image:variant`."""

    cache: RegistryCache
    plan: Plan
    """The plan by the registry alone, without the local store."""
    available: dict[str, KeyArtifact] = field(default_factory=dict)
    absent: frozenset[str] = frozenset()
    """Images that the registry reported as absent; not those that could not be looked up."""
    warnings: list[str] = field(default_factory=list)
    scratch: Path | None = None
    """Where this run may write files; needed to fetch and to push."""
    fetched: set[str] = field(default_factory=set)
    """Names that images of the store got when this run fetched them."""
    pushed: dict[str, KeyArtifact] = field(default_factory=dict)
    """What this run pushed, by `image:variant`."""

    def report_retries(self, say: Callable[[str], None]) -> None:
        """Report retries through `say`."""
        self.cache.client.say = say

    @property
    def unpacked_bytes(self) -> dict[str, int]:
        """Unpacked bytes of the available images, by `image:variant`."""
        return {id_: sum(size for _, size in artifact.layers) for id_, artifact in self.available.items()}

    @property
    def wheels(self) -> RegistryWheels:
        """Its compiled wheels."""
        return RegistryWheels(WheelStore(self.cache.client))

    @property
    def wheel_sets(self) -> RegistryWheelSets:
        """Its sets of all wheels."""
        return RegistryWheelSets(WheelStore(self.cache.client))

    @property
    def ids(self) -> frozenset[str]:
        """The `image:variant` of the available images."""
        return frozenset(self.available)

    @property
    def references(self) -> dict[str, str]:
        """The reference by digest of each available image, by `image:variant`."""
        return {
            planned.id: self.cache.reference(planned.image.image, self.available[planned.id].image)
            for planned in self.plan.images
            if planned.id in self.available
        }

    async def look_up(self, without: Collection[str] = ()) -> None:
        """Look up all images of the plan in parallel, except those in `without`."""
        asked = [wanted(planned) for planned in self.plan.images if planned.id not in without]
        found = await self.cache.look_up(asked)
        self.available = found.available
        self.absent = frozenset(one.id for one in asked) - found.available.keys() - found.errors.keys()
        self.warnings += found.warnings()

    async def fetch(self, planned: PlannedImage, engine: Engine, output: Output) -> tuple[str, ImageRecord]:
        """Download an available image into the store; return its id and its record.

        Raises:
            RegistryError: it is another image than the one in its key artifact.
            CommandError: the registry does not give it.
        """
        artifact = self.available[planned.id]
        reference = self.cache.reference(planned.image.image, artifact.image)
        if reference not in await engine.images():
            self.fetched.add(reference)
        id_ = await self._with_retries(
            reference, TRANSIENT_TEXT, lambda: engine.fetch(reference, output, self._authfile())
        )
        info = await engine.inspect(id_)
        labels = (info.config.get("config") or {}).get("Labels") or {}
        error = ""
        if engine.capabilities.reproducible and bare_digest(info.id) != bare_digest(artifact.config):
            error = "its config is not the one in its key artifact"
        elif labels.get(KEY_LABEL) != planned.key:
            error = "its label has another key"
        if error:
            await self.forget(planned, engine)
            raise RegistryError("corrupt", f"{reference}: {error}")
        record = ImageRecord(document=planned.document, layers=artifact.layers, config_digest=artifact.config)
        return id_, record

    async def forget(self, planned: PlannedImage, engine: Engine) -> None:
        """Remove the registry's name of an image that this run fetched; nothing else would ever remove it."""
        reference = self.cache.reference(planned.image.image, self.available[planned.id].image)
        if reference in self.fetched:
            with suppress(CommandError):
                await engine.untag(reference)

    async def push(self, planned: PlannedImage, info: ImageInfo, engine: Engine, output: Output) -> Pushed:
        """Push an image under its cache tag, then its key document; return how that ended.

        Where another runner was faster its image stays, which has the same layers. Of two that push at the
        same time, one finds in the end that the key artifact is not its own.

        Raises:
            RegistryError: the registry does not accept it, or has another image under this key.
            CommandError: it was not pushed.
        """
        one = wanted(planned)
        reference = self.cache.tagged(one.image, one.tag)
        config = whole_digest(info.id)
        existing = await self.cache.found(one)
        if existing is not None and config in ("", existing.config):
            return "concurrent" if planned.id in self.absent else "present"
        if existing is not None:
            raise RegistryError(
                "corrupt",
                f"{reference}: the registry has another image under this key "
                f"({short_digest(existing.config)}…, here {short_digest(config)}…), and keeps it",
                hint=f"`dockwright verify-repro {planned.id}` shows whether it is built the same twice",
            )
        if info.has_layer_sizes:  # compressed they are no larger
            for layer, size in info.layers:
                refuse_large_layer(layer, size, planned.id)
        digest = await self._pushed(one, planned.reference, config, engine, output)
        if not digest:
            return "concurrent"
        layers = info.layers
        if not config:
            config, layers = await self._pushed_config(one, digest, sum(size for _, size in layers))
        artifact = KeyArtifact(key=planned.key, image=digest, config=config, layers=layers)
        own = await self.cache.add(one, artifact, planned.document)
        if await self.cache.reconcile(one, artifact) != own:
            return "concurrent"
        self.pushed[planned.id] = artifact
        return "pushed"

    async def _pushed_config(
        self, one: Wanted, digest: str, size: int
    ) -> tuple[str, tuple[tuple[str, int], ...]]:
        """Return the digest of the config of a pushed image, and its layers; the last one has all bytes.

        An engine that does not know digests before a push does not know the sizes of layers either.
        """
        client, scope = self.cache.client, self.cache.scope((one.image,))
        repository = client.namespace.repository(one.image)
        what = self.cache.reference(one.image, digest)
        manifest = read_manifest(await client.manifest(repository, digest, scope=scope), what)
        limit_bytes = DOCUMENT_LIMIT_BYTES
        data = await client.blob(repository, manifest.config.digest, scope=scope, limit_bytes=limit_bytes)
        diff_ids = read_document(data, what)["rootfs"]["diff_ids"]
        sizes = [0] * (len(diff_ids) - 1) + [size]
        return manifest.config.digest, tuple(zip(map(str, diff_ids), sizes, strict=True))

    async def _pushed(self, one: Wanted, name: str, config: str, engine: Engine, output: Output) -> str:
        """Push an image, with retries; return its digest, empty where another runner was faster.

        Debian's docker-registry may lose a blob that two runners upload at the same time.

        Raises:
            CommandError: it was not pushed.
        """
        reference = self.cache.tagged(one.image, one.tag)

        async def push() -> str:
            try:
                return await engine.push(bare_digest(config) or name, reference, output, self._authfile())
            except CommandError:
                existing = None
                with suppress(RegistryError):  # the error of the push says more
                    existing = await self.cache.found(one)
                if existing is not None and existing.config == config:
                    return ""
                raise

        again = re.compile(f"{MISSING_BLOB_TEXT.pattern}|{TRANSIENT_TEXT.pattern}", re.IGNORECASE)
        return await self._with_retries(reference, again, push)

    async def _with_retries(
        self, reference: str, again: re.Pattern[str], transfer: Callable[[], Awaitable[str]]
    ) -> str:
        """Return the value of `transfer`; where its error matches `again`, retry as for requests.

        Raises:
            CommandError: it failed otherwise, or too often.
        """
        client = self.cache.client
        tried = 0
        while True:
            tried += 1
            try:
                return await transfer()
            except CommandError as error:
                found = again.search(error.tail)
                pause_s = client.retry_policy.pause(tried, None, datetime.now(UTC)) if found else None
                if found is None or pause_s is None:
                    raise
                client.say(f"{reference}: {found[0]}; retry in {pause_s:.1f} s")
                await anyio.sleep(pause_s)

    def _authfile(self) -> str:
        """Return the file of credentials for the engine's programs, which is written once in a run."""
        client = self.cache.client
        if self.scratch is None:
            return ""
        path = self.scratch / "registry.json"
        return str(path) if path.exists() else write_authfile(path, client.namespace.host, client.credentials)


def wanted(planned: PlannedImage) -> Wanted:
    """Return how an image is looked up in a registry."""
    return Wanted(planned.id, planned.image.image, tag(planned.key), planned.key)


@asynccontextmanager
async def open_client(
    namespace: RegistryNamespace, environ: Mapping[str, str], say: Callable[[str], None], *purposes: Purpose
) -> AsyncIterator[RegistryClient]:
    """Yield a client of a registry, with the credentials of the first of `purposes` that has some.

    Those of the environment go to no registry that only a file names; files of credentials name their host.

    Raises:
        RegistryError: it does not answer.
    """
    from ci.registry.connect import open_registry  # 0.15 s, which a run without a registry does not need

    if namespace.is_named_by_file and any(environ.get(f"DOCKWRIGHT_{one}_PASSWORD") for one in purposes):
        say(
            f"warning: the credentials of the environment are not sent to {namespace}, which a file names; "
            "DOCKWRIGHT_REGISTRY in the environment, or --registry, names their registry"
        )
    named = () if namespace.is_named_by_file else purposes
    find = partial(find_credentials, str(namespace), environ, Path.home(), *named)
    found = await anyio.to_thread.run_sync(find)  # it may start a credential helper
    for error in found.errors:
        say(f"warning: {error}")
    async with open_registry(namespace, found.credentials, RetryPolicy(), say) as client:
        yield client


@asynccontextmanager
async def open_remote_cache(
    workspace: Workspace,
    environ: Mapping[str, str],
    plan_of: Callable[..., Awaitable[Plan]],
    say: Callable[[str], None],
    without: Collection[str] = (),
) -> AsyncIterator[RemoteCache | None]:
    """Yield the registry of `workspace` with what it has of a plan; None where no registry is used.

    One that does not answer is not used, and a warning is given to `say`. `plan_of(store, remote=ids)` plans.
    Images `without` count as missing.
    """
    namespace = workspace.cache_registry
    if namespace is None:
        yield None
        return
    async with AsyncExitStack() as stack:
        remote = None
        try:
            client = await stack.enter_async_context(open_client(namespace, environ, say, "REGISTRY"))
        except RegistryError as error:
            say(f"warning: nothing is reused from {namespace}: {error.message}")
        else:
            nothing = Store(ids={})
            cache = RegistryCache(client=client, writes=workspace.settings.cache == "read-write")
            remote = RemoteCache(cache=cache, plan=await plan_of(nothing))
            await remote.look_up(without)
            remote.plan = await plan_of(nothing, remote=remote.ids)
        yield remote
