"""A registry in memory, behind httpx: it takes and gives what the OCI distribution-spec says."""

from __future__ import annotations

import json
import re
import ssl
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

import httpx
import pytest

from ci.names.digest import digest_of
from ci.registry.manifest import OCI

_PATH = re.compile(r"/v2/(?P<repository>.+)/(?P<kind>manifests|blobs|tags)/(?P<rest>.+)")
Answer = Callable[[httpx.Request], httpx.Response | None]


class _Body(httpx.AsyncByteStream):
    """A body that is not read yet, as one from a connection."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self._data


@dataclass(slots=True, kw_only=True)
class FakeRegistry:
    """The registry at `host`. `requests` are those that it got, as `METHOD path`.

    `answer` may answer a request in its place, or raise httpx.ConnectError.
    """

    host: str = "registry.example"
    blobs: dict[tuple[str, str], bytes] = field(default_factory=dict)
    """By repository and digest."""
    manifests: dict[tuple[str, str], bytes] = field(default_factory=dict)
    """By repository and digest."""
    tags: dict[tuple[str, str], str] = field(default_factory=dict)
    """The digest that each tag of a repository names."""
    requests: list[str] = field(default_factory=list)
    answer: Answer = lambda _request: None

    def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Let every connection of httpx end at this registry; there is no other host."""
        transport = httpx.MockTransport(self.handle)

        async def handle(_self: object, request: httpx.Request) -> httpx.Response:
            reply = await transport.handle_async_request(request)
            return httpx.Response(reply.status_code, headers=reply.headers, stream=_Body(reply.content))

        monkeypatch.setattr(httpx.AsyncHTTPTransport, "handle_async_request", handle)
        context = ssl.SSLContext(
            ssl.PROTOCOL_TLS_CLIENT
        )  # without the machine's authorities: reading is slow
        monkeypatch.setattr("ci.registry.connect.tls_context", lambda _host: context)

    def handle(self, request: httpx.Request) -> httpx.Response:
        """Answer one request."""
        if request.url.host != self.host or request.url.scheme != "https":
            raise httpx.ConnectError(f"nothing answers at {request.url}", request=request)
        path = request.url.path
        self.requests.append(f"{request.method} {path}")
        answer = self.answer(request)
        if answer is not None:
            return answer
        if path == "/v2/":
            return httpx.Response(200)
        found = _PATH.fullmatch(path)
        if found is None:
            return httpx.Response(404)
        repository, rest = found["repository"], found["rest"]
        match found["kind"]:
            case "tags":
                names = [name for owner, name in self.tags if owner == repository]
                return httpx.Response(200, json={"tags": names}) if names else httpx.Response(404)
            case "manifests":
                return self._manifest(request, repository, rest)
            case _:
                return self._blob(request, repository, rest)

    def put_manifest(self, repository: str, reference: str, data: bytes) -> str:
        """Store a manifest under a tag, or under its digest alone; return its digest."""
        digest = digest_of(data)
        self.manifests[repository, digest] = data
        if reference != digest:
            self.tags[repository, reference] = digest
        return digest

    def _manifest(self, request: httpx.Request, repository: str, reference: str) -> httpx.Response:
        if request.method == "PUT":
            digest = self.put_manifest(repository, reference, request.content)
            return httpx.Response(201, headers={"Docker-Content-Digest": digest})
        digest = self.tags.get((repository, reference), reference)
        data = self.manifests.get((repository, digest))
        if data is None:
            return httpx.Response(404)
        if request.method == "DELETE":
            del self.manifests[repository, digest]
            self.tags = {
                name: one for name, one in self.tags.items() if (name[0], one) != (repository, digest)
            }
            return httpx.Response(202)
        type_ = str(json.loads(data).get("mediaType", OCI))
        headers = {"Docker-Content-Digest": digest, "Content-Type": type_, "Content-Length": str(len(data))}
        return httpx.Response(200, headers=headers, content=b"" if request.method == "HEAD" else data)

    def _blob(self, request: httpx.Request, repository: str, rest: str) -> httpx.Response:
        if request.method == "POST":
            mounted, origin = request.url.params.get("mount"), request.url.params.get("from")
            if mounted and (data := self.blobs.get((str(origin), mounted))) is not None:
                self.blobs[repository, mounted] = data
                return httpx.Response(201)
            return httpx.Response(202, headers={"Location": f"/v2/{repository}/blobs/uploads/1"})
        if request.method == "PUT":
            digest = request.url.params["digest"]
            if digest_of(request.content) != digest:
                return httpx.Response(400)
            self.blobs[repository, digest] = request.content
            return httpx.Response(201)
        data = self.blobs.get((repository, rest))
        if data is None:
            return httpx.Response(404)
        headers = {"Content-Length": str(len(data))}
        return httpx.Response(200, headers=headers, content=b"" if request.method == "HEAD" else data)
