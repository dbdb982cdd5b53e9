"""The authorization of requests: a password, or tokens that a registry's token server issues for it."""

from __future__ import annotations

import re
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import anyio
import httpx

from ci.errors import RegistryError
from ci.names.host import is_loopback
from ci.redaction import keep_secret
from ci.registry.challenge import Challenge, challenges_of
from ci.registry.credentials import Credentials
from ci.registry.namespace import RegistryNamespace
from ci.registry.outside import read_object

TOKEN_TRIES = 2
_TOKEN = re.compile(r"[!-~]{1,65536}")
"""What a header can have without a break."""
BROKEN_S = 30.0
"""How long a token server that did not answer is not asked again: all requests get the same error."""
Ask = Callable[[str, Mapping[str, str]], Awaitable[tuple[int, bytes]]]
"""Sends a GET request with headers; returns status and body, and raises httpx's errors or TimeoutError."""


@dataclass(slots=True, kw_only=True)
class Authorization:
    """The credentials for one registry, the scheme that it asks for, and the tokens that it accepts.

    Source: RFC 7617; Docker's token authentication specification, which the OCI's refers to.
    """

    namespace: RegistryNamespace
    credentials: Credentials | None
    ask: Ask
    unsupported: str = ""
    """The schemes that the registry asks for, where none of them can be used."""
    _scheme: str = ""
    _challenge: Mapping[str, str] = field(default_factory=dict)
    _tokens: dict[tuple[str, ...], str] = field(default_factory=dict)
    _broken: tuple[float, RegistryError] | None = None
    _asking: anyio.Lock = field(default_factory=anyio.Lock)

    @property
    def is_asked(self) -> bool:
        """Whether the registry has asked for authorization."""
        return self._scheme != ""

    @property
    def is_by_token(self) -> bool:
        """Whether the registry accepts tokens of a token server, not a password."""
        return self._scheme == "bearer"

    async def header(self, scope: Sequence[str]) -> dict[str, str]:
        """Return the header for a request of that scope; none while the registry asks for none.

        Raises:
            RegistryError: the token server issues no token.
        """
        if self._scheme == "basic":
            return {"Authorization": self.credentials.basic()} if self.credentials else {}
        if self._scheme != "bearer" or not scope:
            return {}
        async with self._asking:
            for has, token in self._tokens.items():
                if set(scope) <= set(has):
                    return {"Authorization": f"Bearer {token}"}
            if self._broken is not None and time.monotonic() < self._broken[0]:
                raise RegistryError(self._broken[1].answer, self._broken[1].message)
            token = self._tokens[tuple(scope)] = await self._token(scope)
        return {"Authorization": f"Bearer {token}"}

    def challenged(self, header: str, scope: Sequence[str], sent: str) -> bool:
        """Record what a registry asks for by WWW-Authenticate; return whether a retry may succeed.

        `sent` is the header Authorization that it refused; a refused token is not used again.
        """
        challenges = challenges_of(header)
        usable = [one for one in challenges if self._is_usable(one)]
        chosen = min(usable, key=lambda one: one.scheme != "bearer", default=None)
        self.unsupported = "" if usable else ", ".join(sorted({one.scheme for one in challenges}))[:80]
        if chosen is None:
            return False
        self._scheme, self._challenge = chosen.scheme, chosen.parameters
        if chosen.scheme == "basic":
            return self.credentials is not None and sent != self.credentials.basic()
        refused = [has for has, token in self._tokens.items() if f"Bearer {token}" == sent]
        for has in refused:
            del self._tokens[has]
        return bool(scope)

    def _is_usable(self, challenge: Challenge) -> bool:
        if challenge.scheme == "bearer":
            return self._takes_secrets(challenge.parameters.get("realm", ""))
        return challenge.scheme == "basic"

    def _takes_secrets(self, realm: str) -> bool:
        """Whether credentials may be sent to this token server: by TLS, or on this machine alone."""
        try:
            parts = urlsplit(realm)
        except ValueError:
            return False
        here = self.namespace.is_loopback and is_loopback(parts.netloc)
        return bool(parts.netloc) and (parts.scheme == "https" or (parts.scheme == "http" and here))

    def forget(self) -> None:
        """Forget all tokens; the next request gets a new one."""
        self._tokens.clear()

    async def _token(self, scope: Sequence[str]) -> str:
        server = urlsplit(self._challenge["realm"]).netloc
        asked: dict[str, str | Sequence[str]] = {"scope": scope}
        if "service" in self._challenge:
            asked["service"] = self._challenge["service"]
        headers = {"Authorization": self.credentials.basic()} if self.credentials else {}
        reason = ""
        for _ in range(TOKEN_TRIES):
            try:
                url = httpx.URL(self._challenge["realm"]).copy_merge_params(asked)
                status, body = await self.ask(str(url), headers)
            except TimeoutError:
                reason = "does not answer"
            except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
                reason = f"does not answer ({str(error) or type(error).__name__})"
            else:
                if status == 200:
                    return _token_of(body, server)
                reason = f"answers {status}"
                if status < 500:
                    break
        who = f" to {self.credentials.user} (from {self.credentials.source})" if self.credentials else ""
        text = f"{self.namespace.host}: its token server {server} {reason} and issues no token{who}"
        if reason in ("answers 401", "answers 403"):
            raise RegistryError("unauthorised", text)
        failure = RegistryError("unreachable", text)
        self._broken = (time.monotonic() + BROKEN_S, failure)
        raise failure


def _token_of(body: bytes, server: str) -> str:
    value = read_object(body, server)
    token = value.get("token") or value.get("access_token")
    if not isinstance(token, str) or not _TOKEN.fullmatch(token):
        raise RegistryError("corrupt", f"{server}: the answer has no token")
    keep_secret(token)
    return token
