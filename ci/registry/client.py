"""The registry client: one connection pool, with credentials, limits and retries."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import anyio
import httpx

from ci.errors import RegistryError
from ci.names.digest import digest_of, is_digest, short_digest
from ci.names.file_digest import file_digest
from ci.registry.artifact import EMPTY
from ci.registry.auth import Authorization
from ci.registry.credentials import Credentials
from ci.registry.manifest import ACCEPT, OCI
from ci.registry.namespace import RegistryNamespace
from ci.registry.reply import Reply
from ci.registry.request import RegistryRequest
from ci.registry.retry import TRANSIENT, RetryPolicy
from ci.registry.tls import CERTIFICATES, UNTRUSTED

TOKEN_LIMIT_BYTES = 2**20
UPLOADS = 3
"""Most times that the upload of one blob is started."""
PART_BYTES = 2**20
PAGE, MOST_PAGES = 1000, 1000
"""Tags of one page, and most pages."""
Say = Callable[[str], None]


@dataclass(slots=True, kw_only=True)
class RegistryClient:
    """A registry that has answered once; `open_registry` (ci.registry.connect) makes it.

    Everything raises RegistryError, and nothing else.
    """

    namespace: RegistryNamespace
    http: httpx.AsyncClient
    credentials: Credentials | None
    retry_policy: RetryPolicy
    say: Say
    authorization: Authorization = field(init=False)

    def __post_init__(self) -> None:
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
        reply = await self.ask(RegistryRequest("HEAD", path, scope=scope, headers={"Accept": ACCEPT}))
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
            url = self._url(started.headers.get("location", ""), digest=digest)
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
        while url not in seen and len(seen) < MOST_PAGES:
            seen.add(url)
            try:
                reply = await self.ask(RegistryRequest("GET", url, scope=scope))
                listed = json.loads(reply.body).get("tags") or []
            except RegistryError as error:
                if error.answer != "absent" or found:
                    raise
                return ()
            except (ValueError, AttributeError, RecursionError) as error:
                raise RegistryError("corrupt", what) from error
            if not isinstance(listed, list):
                break
            found += [tag for tag in listed if isinstance(tag, str)]
            following = re.search(r"<([^>]+)>", reply.headers.get("link", ""))
            if following is None:
                return tuple(dict.fromkeys(found))
            url = self._url(following[1])
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
        url = self._url(f"/v2/{to}/blobs/uploads/", mount=digest, **{"from": origin})
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
        what = self._name(request)
        while True:
            tried += 1
            after = None
            try:
                known = await self.authorization.header(request.scope) if self._is_ours(request.url) else {}
                reply = await self._once(request, known)
            except httpx.TransportError as error:
                if UNTRUSTED in str(error):
                    raise self._untrusted(what) from error
                failure = f"no answer ({str(error) or type(error).__name__})"
            except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
                raise RegistryError("corrupt", f"{what}: {error}") from error
            except TimeoutError:
                failure = f"no complete answer in {self.retry_policy.answer_s:.0f} s"
            else:
                if reply.status < 300:
                    return reply
                if reply.status == 401 and not renewed and self._is_ours(reply.url):
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
            pause_s = self.retry_policy.pause(tried, after, datetime.now(UTC))
            if pause_s is None:
                raise RegistryError("unreachable", f"{what}: {failure}, after {tried} tries")
            self.say(f"{what}: {failure}; retry in {pause_s:.1f} s")
            await anyio.sleep(pause_s)

    async def _once(self, request: RegistryRequest, authorization: Mapping[str, str]) -> Reply:
        headers = {**request.headers, **authorization}
        content: bytes | AsyncIterator[bytes] | None
        if isinstance(request.body, Path):
            size, content = request.body.stat().st_size, _parts(request.body)
            headers["Content-Length"] = str(size)
        else:
            size, content = len(request.body or b""), request.body
        with anyio.fail_after(self.retry_policy.limit_s(max(size, request.limit_bytes))):
            # httpx sends no authorization to another host that a redirection names
            async with self.http.stream(
                request.method,
                request.url,
                headers=headers,
                content=content,
                follow_redirects=request.follows,
            ) as response:
                into = request.into if response.status_code < 300 else None
                body = await _read(response, request.limit_bytes, into)
                if body is None:
                    raise RegistryError(
                        "corrupt",
                        f"{self._name(request)}: the answer has more than {request.limit_bytes} bytes",
                    )
                return Reply(response.status_code, response.headers, body, str(response.url))

    def _name(self, request: RegistryRequest) -> str:
        """Return how a request is named in messages."""
        return f"{request.method} {self.namespace.host}{urlsplit(request.url).path}"

    async def _ask_for_token(self, url: str, headers: Mapping[str, str]) -> tuple[int, bytes]:
        reply = await self._once(RegistryRequest("GET", url, limit_bytes=TOKEN_LIMIT_BYTES), headers)
        return reply.status, reply.body

    def _url(self, text: str, **parameters: str) -> str:
        """Return an address, a path of the registry or one that its answer named, with parameters added."""
        try:
            url = httpx.URL(urljoin(str(self.http.base_url), text))
        except (httpx.InvalidURL, ValueError) as error:
            what = f"{self.namespace.host}: an answer has an address that is not valid"
            raise RegistryError("corrupt", what) from error
        return str(url.copy_merge_params(parameters) if parameters else url)

    def _is_ours(self, url: str) -> bool:
        """Whether credentials may be sent to `url`: the registry's own, never that of another host."""
        parts, own = urlsplit(url), self.http.base_url
        return not parts.netloc or (parts.scheme, parts.netloc) == (own.scheme, own.netloc.decode())

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
            return RegistryError("absent", f"{what}: not in the registry")
        if reply.status in (401, 403):
            who = f"as {self.credentials.user}" if self.credentials else "without credentials"
            found = f" (from {self.credentials.source})" if self.credentials else ""
            return RegistryError(
                "unauthorised", f"{what}: access denied {who}{found}: status {reply.status}{reply.detail}"
            )
        return RegistryError("corrupt", f"{what}: status {reply.status}{reply.detail}")


async def _read(response: httpx.Response, limit_bytes: int, into: Path | None) -> bytes | None:
    """Return the body of an answer, empty where it is written to `into`; None where it is too large."""
    parts, size = [], 0
    with into.open("wb") if into is not None else nullcontext() as file:
        async for part in response.aiter_raw():
            size += len(part)
            if size > limit_bytes:
                return None
            if file is None:
                parts.append(part)
            else:
                file.write(part)
    return b"".join(parts)


async def _parts(path: Path) -> AsyncIterator[bytes]:
    async with await anyio.open_file(path, "rb") as file:
        while part := await file.read(PART_BYTES):
            yield part
