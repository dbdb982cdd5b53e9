"""The registry client: one connection pool, with credentials, limits and retries."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import anyio
import httpx

from ci.errors import RegistryError
from ci.names.digest import digest_of, is_digest, short_digest
from ci.names.file_digest import file_digest
from ci.names.reference import TAG
from ci.registry.artifact import EMPTY
from ci.registry.auth import Authorization
from ci.registry.credentials import Credentials
from ci.registry.manifest import ACCEPT, OCI
from ci.registry.namespace import RegistryNamespace
from ci.registry.outside import list_in, read_object
from ci.registry.reply import Reply
from ci.registry.request import RegistryRequest
from ci.registry.retry import TRANSIENT, RetryPolicy, retry_after_s
from ci.registry.tls import CERTIFICATES, UNTRUSTED
from ci.registry.transport import Transport

TOKEN_LIMIT_BYTES = 2**20
UPLOADS = 3
"""Most times that the upload of one blob is started."""
PAGE, MOST_PAGES, MOST_TAGS = 1000, 1000, 200_000
"""Tags of one page, most pages, and most tags."""
NO_HEAD = frozenset({405, 501})
"""Statuses of a registry that knows no HEAD. Source: RFC 9110 section 15."""
_TAG = re.compile(TAG)
_LINK = re.compile(r"<([^<>]{1,4096})>([^<]*)")
Say = Callable[[str], None]


@dataclass(slots=True, kw_only=True)
class RegistryClient:
    """A registry that has answered once; `open_registry` (ci.registry.connect) makes it.

    Everything raises RegistryError, and nothing else.
    """

    namespace: RegistryNamespace
    http: httpx.AsyncClient
    others: tuple[httpx.AsyncClient, ...] = ()
    """More connections to the same registry, used in turn."""
    credentials: Credentials | None
    retry_policy: RetryPolicy
    say: Say
    authorization: Authorization = field(init=False)
    transport: Transport = field(init=False)
    _resume_at: float = 0.0
    """The moment until which the registry asked to wait."""

    def __post_init__(self) -> None:
        self.transport = Transport(
            namespace=self.namespace, http=self.http, others=self.others, retry_policy=self.retry_policy
        )
        self.authorization = Authorization(
            namespace=self.namespace, credentials=self.credentials, ask=self._ask_for_token
        )

    async def connect(self) -> None:
        """Check that a registry answers, and learn what authorization it asks for.

        Source: OCI distribution-spec 1.1, section Determining Support.
        """
        await self.ask(RegistryRequest("GET", "/v2/", scope=()))

    async def sign_in(self, scope: Sequence[str]) -> None:
        """Check that the registry accepts these credentials, or none; what they permit is not checked.

        Raises:
            RegistryError: it does not.
        """
        try:
            await self.connect()
        except RegistryError as error:
            if error.answer != "unauthorised" or not self.authorization.is_by_token:
                raise
            await self.authorization.header(scope)

    async def digest(self, repository: str, tag: str, *, scope: Sequence[str]) -> str:
        """Return the digest of what `tag` names; nothing is downloaded where a header has the digest.

        Source: OCI distribution-spec 1.1, section Pull: no registry has to.
        """
        path = f"/v2/{repository}/manifests/{tag}"
        try:
            reply = await self.ask(RegistryRequest("HEAD", path, scope=scope, headers={"Accept": ACCEPT}))
        except RegistryError as error:
            if error.status not in NO_HEAD:
                raise
            header = ""
        else:
            header = reply.headers.get("docker-content-digest", "")
        return header if is_digest(header) else digest_of(await self.manifest(repository, tag, scope=scope))

    async def find_digest(self, repository: str, tag: str, *, scope: Sequence[str]) -> str | None:
        """Return the digest of what `tag` names; None where there is no such tag."""
        try:
            return await self.digest(repository, tag, scope=scope)
        except RegistryError as error:
            if error.answer != "absent":
                raise
            return None

    async def has_blob(self, repository: str, digest: str, *, scope: Sequence[str]) -> bool:
        """Whether a repository has a blob; an error, as after a full disk, counts as no."""
        try:
            await self.ask(RegistryRequest("HEAD", f"/v2/{repository}/blobs/{digest}", scope=scope))
        except RegistryError as error:
            if error.answer == "unauthorised":
                raise
            return False
        return True

    async def manifest(self, repository: str, reference: str, *, scope: Sequence[str]) -> bytes:
        """Return the bytes of the manifest that a tag or a digest names; a digest is verified."""
        path = f"/v2/{repository}/manifests/{reference}"
        reply = await self.ask(RegistryRequest("GET", path, scope=scope, headers={"Accept": ACCEPT}))
        promised = reference if ":" in reference else reply.headers.get("docker-content-digest", "")
        if promised and promised != digest_of(reply.body):
            raise self._other_bytes(repository, reference)
        return reply.body

    async def blob(self, repository: str, digest: str, *, scope: Sequence[str], limit_bytes: int) -> bytes:
        """Return a small blob, verified by its digest."""
        path = f"/v2/{repository}/blobs/{digest}"
        reply = await self.ask(RegistryRequest("GET", path, scope=scope, limit_bytes=limit_bytes))
        if digest_of(reply.body) != digest:
            raise self._other_bytes(repository, digest)
        return reply.body

    async def add_blob(self, repository: str, data: bytes, *, scope: Sequence[str]) -> str:
        """Store a small blob, unless the repository has it, and return its digest.

        Source: OCI distribution-spec 1.1, section Pushing a blob monolithically.
        """
        digest = digest_of(data)
        if await self.has_blob(repository, digest, scope=scope):
            return digest
        await self._upload(repository, digest, data, scope)
        return digest

    async def fetch_blob(
        self, repository: str, digest: str, target: Path, *, scope: Sequence[str], size: int
    ) -> None:
        """Download a blob of at most `size` bytes to the file `target`, verified by its digest.

        Raises:
            RegistryError: it can't be downloaded; `target` may have a part of it.
            OSError: `target` can't be written.
        """
        path = f"/v2/{repository}/blobs/{digest}"
        await self.ask(RegistryRequest("GET", path, scope=scope, into=target, limit_bytes=size))
        if await anyio.to_thread.run_sync(file_digest, target) != digest:
            raise self._other_bytes(repository, digest)

    async def send_blob(self, repository: str, digest: str, source: Path, *, scope: Sequence[str]) -> None:
        """Store the file `source`, which has this digest, unless the repository has it."""
        if await self.has_blob(repository, digest, scope=scope):
            return
        await self._upload(repository, digest, source, scope)

    async def _upload(self, repository: str, digest: str, body: bytes | Path, scope: Sequence[str]) -> None:
        """Upload a blob, and start again where the registry has ended the upload.

        A lost answer or an interrupted body ends an upload: a retry of the same request gets 404 or 400, also
        where the registry has the complete blob. So that is checked first.
        """
        for number in range(UPLOADS):
            started = await self.ask(RegistryRequest("POST", f"/v2/{repository}/blobs/uploads/", scope=scope))
            url = self.transport.url(started.headers.get("location", ""), digest=digest)
            headers = {"Content-Type": "application/octet-stream"}
            try:
                await self.ask(RegistryRequest("PUT", url, scope=scope, body=body, headers=headers))
            except RegistryError as error:
                if error.answer not in ("absent", "corrupt") or number == UPLOADS - 1:
                    raise
                if await self.has_blob(repository, digest, scope=scope):
                    return
                self.say(f"{error.message}; the blob is uploaded again")
            else:
                return

    async def tags(self, repository: str, *, scope: Sequence[str]) -> tuple[str, ...]:
        """Return all tags of a repository; none where the registry has no such repository.

        Source: OCI distribution-spec 1.1, section Listing Tags; the header Link is that of RFC 8288.
        """
        url: str = f"/v2/{repository}/tags/list?n={PAGE}"
        found: list[str] = []
        seen: set[str] = set()
        what = f"{self.namespace.host}/{repository}: the list of tags is incomplete or not valid"
        while url not in seen and len(seen) < MOST_PAGES and len(found) <= MOST_TAGS:
            seen.add(url)
            try:
                reply = await self.ask(RegistryRequest("GET", url, scope=scope))
                listed = list_in(read_object(reply.body, what).get("tags") or [], "tags", MOST_TAGS)
            except RegistryError as error:
                if error.answer != "absent" or found:
                    raise
                return ()
            except ValueError as error:
                raise RegistryError("corrupt", what) from error
            found += [tag for tag in listed if isinstance(tag, str) and _TAG.fullmatch(tag)]
            links = _LINK.findall(reply.headers.get("link", ""))
            following = [target for target, more in links if "rel" not in more or "next" in more]
            if not following:
                return tuple(dict.fromkeys(found))
            url = self.transport.url(following[0])
            if not self.transport.is_ours(url):
                break
        raise RegistryError("corrupt", what)

    async def remove(self, repository: str, digest: str, *, scope: Sequence[str]) -> None:
        """Remove a manifest, and with it every tag that names it; a missing manifest is not an error.

        Source: OCI distribution-spec 1.1, section Deleting Manifests.
        """
        try:
            await self.ask(RegistryRequest("DELETE", f"/v2/{repository}/manifests/{digest}", scope=scope))
        except RegistryError as error:
            if error.answer != "absent":
                raise

    async def mount(self, digest: str, origin: str, to: str, *, scope: Sequence[str]) -> None:
        """Mount a blob of the repository `origin` in the repository `to`, unless that has it.

        Raises:
            RegistryError: this registry does not mount blobs.

        Source: OCI distribution-spec 1.1, section Mounting a blob from another repository.
        """
        if await self.has_blob(to, digest, scope=scope):
            return
        url = self.transport.url(f"/v2/{to}/blobs/uploads/", mount=digest, **{"from": origin})
        reply = await self.ask(RegistryRequest("POST", url, scope=scope))
        if reply.status != 201:
            raise RegistryError(
                "unauthorised",
                f"{self.namespace.host}: does not mount {short_digest(digest)}… of {origin} in {to}",
                hint=f"use credentials that may read {origin}",
            )

    async def put_manifest(
        self, repository: str, tag: str, data: bytes, type_: str, *, scope: Sequence[str]
    ) -> None:
        """Let `tag` name the manifest `data`."""
        path = f"/v2/{repository}/manifests/{tag}"
        await self.ask(RegistryRequest("PUT", path, scope=scope, body=data, headers={"Content-Type": type_}))

    async def put_artifact(self, repository: str, tag: str, data: bytes, *, scope: Sequence[str]) -> None:
        """Let `tag` name the artifact manifest `data`, whose files the repository has."""
        await self.add_blob(repository, EMPTY, scope=scope)
        await self.put_manifest(repository, tag, data, OCI, scope=scope)

    async def ask(self, request: RegistryRequest) -> Reply:
        """Send a request, retry it after transient errors, and return the successful answer.

        Source: Docker's token authentication specification, which the OCI's refers to.
        """
        tried, renewed = 0, False
        what = self.transport.name(request)
        while True:
            await self._wait(what)
            tried += 1
            after: str | None = None
            started: float | None = time.monotonic()
            try:
                known = (
                    await self.authorization.header(request.scope)
                    if self.transport.is_ours(request.url)
                    else {}
                )
                reply = await self._once(request, known)
            except httpx.TransportError as error:
                if UNTRUSTED in str(error):
                    raise self._untrusted(what) from error
                failure = f"no answer ({str(error) or type(error).__name__})"
            except (httpx.HTTPError, httpx.InvalidURL, ValueError, OverflowError) as error:
                raise RegistryError("corrupt", f"{what}: {error}") from error
            except TimeoutError:
                failure = f"no complete answer in {self.retry_policy.limit_s(0):.0f} s"
            else:
                self.retry_policy.answered()
                if reply.status < 300:
                    return reply
                if reply.status == 401 and not renewed and self.transport.is_ours(reply.url):
                    renewed = True
                    challenge = reply.headers.get("www-authenticate", "")
                    if self.authorization.challenged(
                        challenge, request.scope, known.get("Authorization", "")
                    ):
                        tried -= 1
                        continue
                if reply.status not in TRANSIENT and not reply.is_disturbed(request.method):
                    raise self._refusal(what, reply)
                failure, after = f"status {reply.status}{reply.detail}", reply.headers.get("retry-after")
                started = None
            await self._pause(what, failure, tried, after, started)

    async def _wait(self, what: str) -> None:
        """Wait as long as the registry asked for; raise at once while it counts as down."""
        if self.retry_policy.is_down(time.monotonic()):
            raise RegistryError(
                "unreachable", f"{what}: not sent, since {self.namespace.answers_at} has stopped to answer"
            )
        await anyio.sleep(max(0.0, self._resume_at - time.monotonic()))

    async def _pause(
        self, what: str, failure: str, tried: int, after: str | None, started: float | None
    ) -> None:
        """Wait before the next try, and report that. `started` is when a request began that got no answer.

        Raises:
            RegistryError: there is no next try.
        """
        now, wall = time.monotonic(), datetime.now(UTC)
        is_down = started is not None and self.retry_policy.unanswered(started, now)
        pause_s = None if is_down else self.retry_policy.pause(tried, after, wall)
        asked_s = retry_after_s(after, wall) or 0.0
        if pause_s is None:
            much = f"; it asks to wait {asked_s:.0f} s" if asked_s > 1 else ""
            raise RegistryError("unreachable", f"{what}: {failure}, after {tried} tries{much}")
        if asked_s < 1:
            self.say(f"{what}: {failure}; retry in {pause_s:.1f} s")
            await anyio.sleep(pause_s)
            return
        resume_at = now + pause_s
        if resume_at > self._resume_at + 1:  # else another request has reported this pause
            self.say(f"{what}: the registry asks to wait: {failure}; retry in {pause_s:.1f} s")
            self.retry_policy.asked_s -= resume_at - max(now, self._resume_at)
            self._resume_at = resume_at

    async def _once(self, request: RegistryRequest, authorization: Mapping[str, str]) -> Reply:
        return await self.transport.once(request, authorization)

    async def _ask_for_token(self, url: str, headers: Mapping[str, str]) -> tuple[int, bytes]:
        reply = await self._once(RegistryRequest("GET", url, limit_bytes=TOKEN_LIMIT_BYTES), headers)
        return reply.status, reply.body

    def _other_bytes(self, repository: str, name: str) -> RegistryError:
        what = f"{self.namespace.host}/{repository}: {name}"
        return RegistryError("corrupt", f"{what}: what was downloaded has another digest")

    def _untrusted(self, what: str) -> RegistryError:
        return RegistryError(
            "unreachable",
            f"{what}: the registry's certificate is not trusted on this machine",
            hint="set SSL_CERT_FILE to the file of its authority, or copy that file to "
            f"{CERTIFICATES[0]}/{self.namespace.host}/ca.crt",
        )

    def _refusal(self, what: str, reply: Reply) -> RegistryError:
        if reply.status == 404:
            return RegistryError("absent", f"{what}: not in the registry", status=404)
        if reply.status in (401, 403):
            who = f"as {self.credentials.user}" if self.credentials else "without credentials"
            found = f" (from {self.credentials.source})" if self.credentials else ""
            asks = self.authorization.unsupported
            by = f"; it asks for {asks}, and dockwright has Basic and Bearer by TLS" if asks else ""
            return RegistryError(
                "unauthorised",
                f"{what}: access denied {who}{found}: status {reply.status}{reply.detail}{by}",
                status=reply.status,
            )
        text = f"{what}: status {reply.status}{reply.detail}"
        return RegistryError("corrupt", text, status=reply.status)
