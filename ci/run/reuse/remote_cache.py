"""The registry of a run: what it has of a plan, and what a run adds to it. Its faults are warnings."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import anyio

from ci.engines.engine import Engine, ImageInfo, Output
from ci.errors import CommandError, RegistryError
from ci.names.digest import Digest, bare_digest, short_digest
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

Pushed = Literal["pushed", "meanwhile", "there"]
"""How a push ended: it was done, another runner did it since the look-up, or it was there before."""
MISSING_BLOB_TEXT = re.compile(r"blob unknown|blob upload (?:unknown|invalid)", re.IGNORECASE)
"""What a registry says of a manifest whose blobs it lacks, or of an upload that it forgot by starting anew.

Source: OCI distribution-spec 1.1, Error Codes.
"""
TRANSIENT_TEXT = re.compile(
    rf"status(?:code)?:? (?:{'|'.join(map(str, sorted(TRANSIENT)))})\b"
    r"|connection (?:reset|refused|broken)|closed network connection|broken pipe|\bEOF\b"
    r"|(?:i/o|handshake) timeout|context deadline exceeded|toomanyrequests"
    rf"|\b(?:{'|'.join(map(str, sorted(TRANSIENT)))}) [A-Z][A-Za-z]+(?: [A-Z][A-Za-z]+)*",
    re.IGNORECASE,
)
"""How skopeo and Buildah say that a registry may answer better in a moment: they have no other way to."""


@dataclass(slots=True, kw_only=True)
class RemoteCache:
    """A registry that answered, what it has by `image:variant` in `hits`, and what went wrong with it."""

    cache: RegistryCache
    plan: Plan
    """Of what the registry has; it knows nothing of the store."""
    available: dict[str, KeyArtifact] = field(default_factory=dict)
    absent: frozenset[str] = frozenset()
    """What it said it has not, when it was asked; nothing of which it gave no answer."""
    warnings: list[str] = field(default_factory=list)
    scratch: Path | None = None
    """Where this run may write; needed for fetching and pushing only."""
    fetched: set[str] = field(default_factory=set)
    """Names that images have by this run's fetching alone."""

    def report_retries(self, say: Callable[[str], None]) -> None:
        """Let each try again be told to `say`."""
        self.cache.client.say = say

    @property
    def sizes(self) -> dict[str, int]:
        """The bytes, unpacked, of all that it has, by `image:variant`."""
        return {id_: sum(size for _, size in artifact.layers) for id_, artifact in self.available.items()}

    @property
    def wheels(self) -> RegistryWheels:
        """The compiled wheels that it has."""
        return RegistryWheels(WheelStore(self.cache.client))

    @property
    def wheel_sets(self) -> RegistryWheelSets:
        """All wheels that it has."""
        return RegistryWheelSets(WheelStore(self.cache.client))

    @property
    def ids(self) -> frozenset[str]:
        """The `image:variant` of all that it has."""
        return frozenset(self.available)

    @property
    def references(self) -> dict[str, str]:
        """How an engine is told of each image that it has, by digest, by `image:variant`."""
        return {
            planned.id: self.cache.reference(planned.image.image, self.available[planned.id].image)
            for planned in self.plan.images
            if planned.id in self.available
        }

    async def look_up(self, without: Collection[str] = ()) -> None:
        """Look for all images of the plan at once, but for those `without`."""
        asked = [wanted(planned) for planned in self.plan.images if planned.id not in without]
        found = await self.cache.look_up(asked)
        self.available = found.available
        self.absent = frozenset(one.id for one in asked) - found.available.keys() - found.errors.keys()
        self.warnings += found.warnings()

    async def fetch(self, planned: PlannedImage, engine: Engine, output: Output) -> tuple[str, ImageRecord]:
        """Bring an image that the registry has into the store; return its id, and its record.

        Raises:
            RegistryError: it is not what stands beside it.
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
        wrong = ""
        if engine.name == "buildah" and bare_digest(info.id) != bare_digest(artifact.config):
            wrong = "has another config than its key document names"
        elif labels.get(KEY_LABEL) != planned.key:
            wrong = "its own label names another key"
        if wrong:
            await self.forget(planned, engine)
            raise RegistryError("corrupt", f"{reference}: {wrong}")
        record = ImageRecord(document=planned.document, layers=artifact.layers, config_digest=artifact.config)
        return id_, record

    async def forget(self, planned: PlannedImage, engine: Engine) -> None:
        """Take the registry's name from an image that this run fetched; nothing would ever remove it."""
        reference = self.cache.reference(planned.image.image, self.available[planned.id].image)
        if reference in self.fetched:
            with suppress(CommandError):
                await engine.untag(reference)

    async def push(self, planned: PlannedImage, info: ImageInfo, engine: Engine, output: Output) -> Pushed:
        """Push an image under its cache tag, then its key document; return how that ended.

        Where somebody else was faster his image stays, whose layers are the same. Of two that push at the
        same moment, one sees in the end that the key document is not his own.

        Raises:
            RegistryError: the registry does not take it, or has another image under this key.
            CommandError: it was not pushed.
        """
        one = wanted(planned)
        reference = self.cache.tagged(one.image, one.tag)
        config = str(Digest(bare_digest(info.id))) if info.id else ""
        there = await self.cache.found(one)
        if there is not None and config in ("", there.config):
            return "meanwhile" if planned.id in self.absent else "there"
        if there is not None:
            raise RegistryError(
                "corrupt",
                f"{reference}: the registry has another image under this key "
                f"({short_digest(there.config)}…, here {short_digest(config)}…), and keeps it",
                hint=f"`dockwright verify-repro {planned.id}` shows whether it is built the same twice",
            )
        if info.tells_layers:  # compressed they are no larger
            for layer, size in info.layers:
                refuse_large_layer(layer, size, planned.id)
        digest = await self._pushed(one, planned.reference, config, engine, output)
        if not digest:
            return "meanwhile"
        layers = info.layers
        if not config:
            config, layers = await self._pushed_config(one, digest, sum(size for _, size in layers))
        artifact = KeyArtifact(key=planned.key, image=digest, config=config, layers=layers)
        own = await self.cache.add(one, artifact, planned.document)
        return "pushed" if await self.cache.reconcile(one, artifact) == own else "meanwhile"

    async def _pushed_config(
        self, one: Wanted, digest: str, size: int
    ) -> tuple[str, tuple[tuple[str, int], ...]]:
        """Return the digest of the config of a pushed image, and its layers; all bytes stand at the last one.

        An engine that does not know its digests before it pushes knows no sizes of layers either.
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
        """Push an image, and again where that may help; return its digest, empty where another was faster.

        Debian's docker-registry may lose a blob that two runners are sending, until one sends it again.

        Raises:
            CommandError: it was not pushed.
        """
        reference = self.cache.tagged(one.image, one.tag)

        async def push() -> str:
            try:
                return await engine.push(bare_digest(config) or name, reference, output, self._authfile())
            except CommandError:
                there = None
                with suppress(RegistryError):  # what the push says tells more
                    there = await self.cache.found(one)
                if there is not None and there.config == config:
                    return ""
                raise

        again = re.compile(f"{MISSING_BLOB_TEXT.pattern}|{TRANSIENT_TEXT.pattern}", re.IGNORECASE)
        return await self._with_retries(reference, again, push)

    async def _with_retries(
        self, reference: str, again: re.Pattern[str], transfer: Callable[[], Awaitable[str]]
    ) -> str:
        """Return what `transfer` does; where it fails as `again` says it is tried anew, as requests are.

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
                client.say(f"{reference}: {found[0]}; tried again in {pause_s:.1f} s")
                await anyio.sleep(pause_s)

    def _authfile(self) -> str:
        """Return the file of credentials for the engine's programs, written once for a run."""
        client = self.cache.client
        if self.scratch is None:
            return ""
        path = self.scratch / "registry.json"
        return str(path) if path.exists() else write_authfile(path, client.namespace.host, client.credentials)


def wanted(planned: PlannedImage) -> Wanted:
    """Return how an image is looked for in a registry."""
    return Wanted(planned.id, planned.image.image, tag(planned.key), planned.key)


@asynccontextmanager
async def open_client(
    namespace: RegistryNamespace, environ: Mapping[str, str], say: Callable[[str], None], *purposes: Purpose
) -> AsyncIterator[RegistryClient]:
    """Yield a client of the registry at `namespace`; its credentials are those for the first of `purposes`.

    Raises:
        RegistryError: it does not answer.
    """
    from ci.registry.connect import open_registry  # 0.15 s, which a run without a registry does not need

    found = find_credentials(namespace.host, environ, Path.home(), *purposes)
    for problem in found.problems:
        say(f"warning: {problem}")
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
            say(f"warning: nothing is reused from {namespace}: {error}")
        else:
            nothing = Store(ids={})
            cache = RegistryCache(client=client, writes=workspace.settings.cache == "read-write")
            remote = RemoteCache(cache=cache, plan=await plan_of(nothing))
            await remote.look_up(without)
            remote.plan = await plan_of(nothing, remote=remote.ids)
        yield remote
