"""One request to a registry, sent once: its redirections, where it may go, how much is read of the answer."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import anyio
import httpx

from ci.errors import RegistryError
from ci.registry.address import refusal
from ci.registry.namespace import RegistryNamespace
from ci.registry.reply import Reply
from ci.registry.request import RegistryRequest
from ci.registry.retry import RetryPolicy

REDIRECTIONS, MOST_REDIRECTIONS = frozenset({301, 302, 303, 307, 308}), 5
ERROR_BYTES = 2**20
"""Most bytes of the body of an error; a longer one has no text for us."""
PART_BYTES = 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Transport:
    """Sends requests to the registry of `namespace`, and to the addresses that its answers name."""

    namespace: RegistryNamespace
    http: httpx.AsyncClient
    others: tuple[httpx.AsyncClient, ...] = ()
    """More connections to the same registry, used in turn."""
    retry_policy: RetryPolicy
    _turn: Iterator[httpx.AsyncClient] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_turn", cycle((self.http, *self.others)))

    async def once(self, request: RegistryRequest, authorization: Mapping[str, str]) -> Reply:
        """Send a request once, follow redirections, and return the answer.

        `authorization` goes to the host of the request alone, and to none that a redirection names.
        """
        size = request.body.stat().st_size if isinstance(request.body, Path) else len(request.body or b"")
        url = request.url
        with anyio.fail_after(self.retry_policy.limit_s(max(size, request.limit_bytes))):
            for _ in range(MOST_REDIRECTIONS + 1):
                await self._check_address(request, url)
                known = authorization if self._is_same_origin(url, request.url) else {}
                reply = await self._sent(request, url, known, size)
                target = reply.headers.get("location") if reply.status in REDIRECTIONS else None
                if target is None or not request.follows:
                    return reply
                url = self.url(target, base=reply.url)
        raise RegistryError("corrupt", f"{self.name(request)}: more than {MOST_REDIRECTIONS} redirections")

    async def _sent(
        self, request: RegistryRequest, url: str, authorization: Mapping[str, str], size: int
    ) -> Reply:
        headers = {**request.headers, **authorization}
        content: bytes | AsyncIterator[bytes] | None
        if isinstance(request.body, Path):
            content, headers["Content-Length"] = _parts(request.body), str(size)
        else:
            content = request.body
        async with next(self._turn).stream(
            request.method, url, headers=headers, content=content, follow_redirects=False
        ) as response:
            if response.status_code < 300:
                body = await _read(response, request.limit_bytes, request.into)
            else:  # an error's text, which is cut where it is too long
                body = await _read(response, ERROR_BYTES, None) or b""
            if body is None:
                raise RegistryError(
                    "corrupt", f"{self.name(request)}: the answer has more than {request.limit_bytes} bytes"
                )
            return Reply(response.status_code, response.headers, body, str(response.url))

    async def _check_address(self, request: RegistryRequest, url: str) -> None:
        """Refuse an address of another host that this machine should not connect to."""
        if self.is_ours(url):
            return
        why = await refusal(url, str(self.http.base_url))
        if why:
            host = urlsplit(url).hostname or url[:80]
            raise RegistryError(
                "corrupt",
                f"{self.name(request)}: the registry names the address {host}, which is not followed: {why}",
            )

    def name(self, request: RegistryRequest) -> str:
        """Return how a request is named in messages."""
        return f"{request.method} {self.namespace.host}{urlsplit(request.url).path}"

    def url(self, text: str, *, base: str = "", **parameters: str) -> str:
        """Return an address, a path of the registry or one that its answer named, with parameters added."""
        try:
            url = httpx.URL(urljoin(base or str(self.http.base_url), text))
        except (httpx.InvalidURL, ValueError) as error:
            what = f"{self.namespace.host}: an answer has an address that is not valid"
            raise RegistryError("corrupt", what) from error
        return str(url.copy_merge_params(parameters) if parameters else url)

    def is_ours(self, url: str) -> bool:
        """Whether credentials may be sent to `url`: the registry's own, never that of another host."""
        return self._is_same_origin(url, "/")

    def _is_same_origin(self, url: str, other: str) -> bool:
        """Whether two addresses are of one server; a path is of the registry."""
        if _is_path(url) and _is_path(other):  # nearly all requests
            return True
        try:
            one, two = (httpx.URL(urljoin(str(self.http.base_url), text)) for text in (url, other))
        except (httpx.InvalidURL, ValueError):
            return False
        return not one.userinfo and _origin(one) == _origin(two)


def _is_path(url: str) -> bool:
    return url.startswith("/") and not url.startswith("//")


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port or {"https": 443, "http": 80}.get(url.scheme)


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
