"""An HTTP client that never waits without end and tries again what may be over: urllib's, with bounds.

It is not that of ci.registry, and shares no code with it: it runs in a container that has Python's standard
library alone, while a registry needs tokens, uploads and many requests at once. A test holds that both retry
the same statuses.

Proxies and certificates are those of the environment. Source: urllib.request, ssl.create_default_context.
"""

import base64
import http.client
import os
import re
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TypeVar
from urllib.parse import unquote, urlsplit, urlunsplit

from .failure import FetchingError

CHUNK = 1 << 20
SLOWEST = 1000
"""Bytes per second below which a transfer counts as stalled."""
TRANSIENT = {408, 425, 429, 500, 502, 503, 504}
"""Statuses that may be over at the next try. Source: RFC 9110, section 15, and RFC 6585."""
LEFT = {404, 410}
CHECK = "`dockwright doctor` says whether this machine reaches it"

Say = Callable[[str], None]
Result = TypeVar("Result")


class BrokenError(Exception):
    """One try did not bring it; the next one may."""


@dataclass(frozen=True)
class RetryPolicy:
    """How long a silent server is waited for, how often is tried, and the pause before the second try."""

    stall_s: float = field(default_factory=lambda: float(os.environ.get("DOCKWRIGHT_FETCH_TIMEOUT_S") or 30))
    tries: int = 5
    pause_s: float = 0.5


def shown(url: str) -> str:
    """Return `url` without a name and password in it."""
    return re.sub(r"//[^/@]*@", "//", url)


@dataclass(frozen=True)
class Client:
    """Gets what is at a URL; every try that failed is told by `say`."""

    say: Say
    patience: RetryPolicy = field(default_factory=RetryPolicy)
    trusted: tuple[str, ...] = ()
    """Hosts whose certificates are not looked at."""

    def body(self, url: str, headers: dict[str, str], what: str) -> tuple[bytes, http.client.HTTPMessage]:
        """Return the body at `url` and its headers; for small documents.

        Raises:
            FetchingError: it could not be had.
        """

        def once() -> tuple[bytes, http.client.HTTPMessage]:
            with self.open(url, headers) as response:
                return b"".join(self.chunks(response)), response.headers

        return self.tried(what, url, once)

    def tried(self, what: str, url: str, once: Callable[[], Result]) -> Result:
        """Return what `once` returns, trying again while it is `BrokenError`.

        Raises:
            FetchingError: of kind `gone` where the server says that there is no such thing, else `fetch`.
        """
        for number in range(1, self.patience.tries + 1):
            try:
                return once()
            except BrokenError as broken:
                if number == self.patience.tries:
                    text = f"{what}: {shown(url)}: {broken}; tried {number} times. {CHECK}"
                    raise FetchingError(kind="fetch", text=text) from broken
                self.say(f"{what}: {broken}; try {number + 1} of {self.patience.tries}")
                time.sleep(self.patience.pause_s * 2 ** (number - 1))
            except urllib.error.HTTPError as error:
                error.close()
                kind = "gone" if error.code in LEFT else "fetch"
                text = f"{what}: {shown(url)}: the answer was {error.code} {error.reason}"
                raise FetchingError(kind=kind, text=text) from error
        raise AssertionError("a last try returns or raises")

    def open(self, url: str, headers: dict[str, str]) -> http.client.HTTPResponse:
        """Ask for `url`. Raises `BrokenError`, or urllib's HTTPError where a next try changes nothing."""
        parts = urlsplit(url)
        headers = {"User-Agent": "dockwright", "Accept-Encoding": "identity", **headers}
        bare = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
        request = urllib.request.Request(bare, headers=headers)  # noqa: S310 of a lock's archive or an index
        if parts.username is not None:
            pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
            encoded = base64.b64encode(pair.encode()).decode()
            request.add_unredirected_header("Authorization", f"Basic {encoded}")
        try:
            opened = self._opener(parts.hostname or "", parts.port).open(
                request, timeout=self.patience.stall_s
            )
        except urllib.error.HTTPError as error:
            if error.code in TRANSIENT:
                error.close()
                raise BrokenError(f"the answer was {error.code} {error.reason}") from error
            raise
        except (OSError, ValueError, http.client.HTTPException) as error:
            reason = getattr(error, "reason", error)
            if isinstance(reason, TimeoutError):
                raise BrokenError(f"no answer within {self.patience.stall_s:g} s") from error
            raise BrokenError(f"no connection ({_words(reason)})") from error
        assert isinstance(opened, http.client.HTTPResponse)
        return opened

    def chunks(self, response: http.client.HTTPResponse) -> Iterator[bytes]:
        """Give the body. Raises `BrokenError` where it is shorter than announced or hardly moves."""
        size = response.headers.get("Content-Length")
        arrived, window, since = 0, 0, time.monotonic()
        while True:
            try:
                chunk = response.read1(CHUNK)
            except TimeoutError as error:
                raise BrokenError(f"nothing came for {self.patience.stall_s:g} s") from error
            except (OSError, http.client.HTTPException) as error:
                raise BrokenError(f"the connection broke after {arrived} bytes ({_words(error)})") from error
            if not chunk:
                break
            arrived, window = arrived + len(chunk), window + len(chunk)
            yield chunk
            passed = time.monotonic() - since
            if passed > self.patience.stall_s:
                if window < SLOWEST * passed:
                    raise BrokenError(f"only {window} bytes came in {passed:.0f} s")
                window, since = 0, time.monotonic()
        if size is not None and arrived != int(size):
            raise BrokenError(f"the connection ended after {arrived} of {size} bytes")

    def _opener(self, host: str, port: int | None) -> urllib.request.OpenerDirector:
        context = ssl.create_default_context()
        if host in self.trusted or f"{host}:{port}" in self.trusted:
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        return urllib.request.build_opener(urllib.request.HTTPSHandler(context=context))


def _words(reason: object) -> str:
    """Return an error in few words."""
    text = getattr(reason, "strerror", None) or str(reason) or type(reason).__name__
    return str(text)
