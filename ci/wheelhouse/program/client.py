"""An HTTP client with a bound on every wait and every size, which repeats what a transient error ended.

What a server sends is outside data: only http and https are read, redirects too, and they lead neither to
this machine nor to addresses of its link unless those are what the settings name. An answer that takes no end
is ended: its head, its body, and what a server sends between or behind them.

It is not that of ci.registry, and shares no code with it: it runs in a container that has Python's standard
library alone, while a registry needs tokens, uploads and many requests at once. A test holds that both retry
the same statuses.

Proxies and certificates are those of the environment. Source: urllib.request, ssl.create_default_context.
"""

import base64
import http.client
import os
import re
import socket
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from http.client import HTTPMessage
from typing import TypeVar
from urllib.parse import unquote, urlunsplit

from .address import UnusableError, parse_url, shown
from .connection import Connect, Watch, opener
from .failure import FetchingError

CHUNK = 1 << 20
SLOWEST = 1000
"""Bytes per second below which a transfer counts as stalled."""
TRANSIENT = {408, 425, 429, 500, 502, 503, 504}
"""Statuses that the next try may not get. Source: RFC 9110, section 15, and RFC 6585."""
UNAVAILABLE = {404, 410}
DOCUMENT_BYTES = 64 * 2**20
"""Most bytes of a page of an index, as it is sent and unpacked; the largest of PyPI have about 20 MB."""
DOCUMENT_WAITS = 10
"""A page may take as long as this many silent servers would."""
CHECK = "`dockwright doctor` checks whether this machine reaches that host"

Say = Callable[[str], None]
Result = TypeVar("Result")


class TransientError(Exception):
    """One try failed; the next one may succeed."""


class TooLongError(Exception):
    """The body has more bytes than it may."""


@dataclass(frozen=True)
class RetryPolicy:
    """How long to wait for a silent server, how many tries there are, and the pause before the second one."""

    stall_s: float = field(default_factory=lambda: float(os.environ.get("DOCKWRIGHT_FETCH_TIMEOUT_S") or 30))
    tries: int = 5
    pause_s: float = 0.5


class Answer:
    """An answer whose head was read; a context that closes it."""

    def __init__(self, response: http.client.HTTPResponse, watch: Watch, stall_s: float) -> None:
        self._response, self._watch, self._stall_s = response, watch, stall_s

    def __enter__(self) -> "Answer":
        return self

    def __exit__(self, *_error: object) -> None:
        self._watch.stop()
        self._response.close()

    @property
    def status(self) -> int:
        """The status."""
        return self._response.status

    @property
    def headers(self) -> HTTPMessage:
        """The headers."""
        return self._response.headers

    def chunks(self, limit_bytes: int, limit_s: float | None = None) -> Iterator[bytes]:
        """Yield the body.

        Raises:
            TooLongError: it has more than `limit_bytes`.
            TransientError: it is shorter than announced, stalls, or takes longer than `limit_s`.
        """
        size = announced(self.headers)
        if size is not None and size > limit_bytes:
            raise TooLongError
        begun = since = time.monotonic()
        arrived, window = 0, 0
        while chunk := self._read(arrived):
            self._watch.touch()
            arrived, window = arrived + len(chunk), window + len(chunk)
            if arrived > limit_bytes:
                raise TooLongError
            yield chunk
            now = time.monotonic()
            if limit_s is not None and now - begun > limit_s:
                raise TransientError(f"it took longer than {limit_s:g} s")
            if now - since > self._stall_s:
                if window < SLOWEST * (now - since):
                    raise TransientError(f"only {window} bytes came in {now - since:.0f} s")
                window, since = 0, now
        if size is not None and arrived != size:
            raise TransientError(f"the connection ended after {arrived} of {size} bytes")

    def _read(self, arrived: int) -> bytes:
        try:
            chunk = self._response.read1(CHUNK)
        except TimeoutError as error:
            raise TransientError(f"nothing came for {self._stall_s:g} s") from error
        except (OSError, ValueError, http.client.HTTPException) as error:
            if self._watch.expired:
                raise TransientError(f"nothing came for {self._stall_s:g} s") from error
            raise TransientError(f"the connection broke after {arrived} bytes ({_reason(error)})") from error
        if not chunk and self._watch.expired:
            raise TransientError(f"nothing came for {self._stall_s:g} s")
        return chunk


def announced(headers: HTTPMessage) -> int | None:
    """Return the length that an answer announces, None where it has none that can be read."""
    text = headers.get("Content-Length", "").strip()
    chunked = "chunked" in headers.get("Transfer-Encoding", "").lower()
    return int(text) if re.fullmatch("[0-9]{1,18}", text) and not chunked else None


@cache
def tls_context(checked: bool) -> ssl.SSLContext:
    """Return the settings of TLS connections; `checked`: whether certificates count."""
    context = ssl.create_default_context()
    if not checked:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


@dataclass(frozen=True)
class Client:
    """Reads from URLs; every failed try is reported through `say`."""

    say: Say
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    trusted: tuple[str, ...] = ()
    """Hosts whose certificates are not checked."""
    named: frozenset[str] = frozenset()
    """Hosts that the settings name: only these may be this machine, or on its link."""
    connect: Connect = socket.create_connection
    """Opens a connection; as socket.create_connection."""

    def body(self, url: str, headers: dict[str, str], what: str) -> tuple[bytes, HTTPMessage]:
        """Return the body at `url` and its headers; for documents of at most `DOCUMENT_BYTES`.

        Raises:
            FetchingError: it can't be fetched.
        """

        def attempt() -> tuple[bytes, HTTPMessage]:
            with self.open(url, headers) as answer:
                limit_s = DOCUMENT_WAITS * self.retry.stall_s
                try:
                    return b"".join(answer.chunks(DOCUMENT_BYTES, limit_s)), answer.headers
                except TooLongError as error:
                    raise UnusableError(f"the answer has more than {DOCUMENT_BYTES >> 20} MiB") from error

        return self.with_retries(what, url, attempt)

    def with_retries(self, what: str, url: str, attempt: Callable[[], Result]) -> Result:
        """Return the result of `attempt`, repeated while it raises `TransientError`.

        Raises:
            FetchingError: of kind `unavailable` where the server has no such file, else `fetch`.
        """
        for number in range(1, self.retry.tries + 1):
            try:
                return attempt()
            except TransientError as failed:
                if number == self.retry.tries:
                    text = f"{what}: {shown(url)}: {failed}; tried {number} times"
                    raise FetchingError(kind="fetch", text=text, hint=CHECK) from failed
                self.say(f"{what}: {failed}; try {number + 1} of {self.retry.tries}")
                time.sleep(self.retry.pause_s * 2 ** (number - 1))
            except UnusableError as error:
                raise FetchingError(kind="fetch", text=f"{what}: {shown(url)}: {error}") from error
            except urllib.error.HTTPError as error:
                error.close()
                kind = "unavailable" if error.code in UNAVAILABLE else "fetch"
                text = f"{what}: {shown(url)}: the answer was {error.code} {_reason(error.reason)}"
                raise FetchingError(kind=kind, text=text) from error
        raise AssertionError("a last try returns or raises")

    def open(self, url: str, headers: dict[str, str]) -> Answer:
        """Open `url`. Raises `TransientError`, or what another try would not help."""
        parts = parse_url(url)
        headers = {"User-Agent": "dockwright", "Accept-Encoding": "identity", **headers}
        bare = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], fragment=""))
        request = urllib.request.Request(bare, headers=headers)  # noqa: S310 only http and https
        if parts.username is not None:
            pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
            encoded = base64.b64encode(pair.encode()).decode()
            request.add_unredirected_header("Authorization", f"Basic {encoded}")
        checked = parts.hostname not in self.trusted and f"{parts.hostname}:{parts.port}" not in self.trusted
        context = tls_context(checked)
        watch = Watch(self.retry.stall_s)
        try:
            opened = opener(self.connect, watch, self.named, context).open(
                request, timeout=self.retry.stall_s
            )
        except UnusableError:
            watch.stop()
            raise
        except urllib.error.HTTPError as error:
            watch.stop()
            if error.code in TRANSIENT:
                error.close()
                raise TransientError(f"the answer was {error.code} {_reason(error.reason)}") from error
            raise
        except (OSError, ValueError, http.client.HTTPException) as error:
            watch.stop()
            reason = getattr(error, "reason", error)
            if isinstance(reason, UnusableError):
                raise reason from error
            if isinstance(reason, TimeoutError) or watch.expired:
                raise TransientError(f"no answer within {self.retry.stall_s:g} s") from error
            raise TransientError(f"no connection ({_reason(reason)})") from error
        return Answer(opened, watch, self.retry.stall_s)


def _reason(reason: object) -> str:
    """Return the reason of an error, in a few words."""
    text = getattr(reason, "strerror", None) or str(reason) or type(reason).__name__
    return re.sub(r"[^ -~]", "?", str(text))[:200]
