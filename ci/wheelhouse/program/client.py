"""An HTTP client with a bound on every wait, which repeats what a transient error ended: urllib's.

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
"""Statuses that the next try may not get. Source: RFC 9110, section 15, and RFC 6585."""
UNAVAILABLE = {404, 410}
CHECK = "`dockwright doctor` checks whether this machine reaches that host"

Say = Callable[[str], None]
Result = TypeVar("Result")


class TransientError(Exception):
    """One try failed; the next one may succeed."""


@dataclass(frozen=True)
class RetryPolicy:
    """How long to wait for a silent server, how many tries there are, and the pause before the second one."""

    stall_s: float = field(default_factory=lambda: float(os.environ.get("DOCKWRIGHT_FETCH_TIMEOUT_S") or 30))
    tries: int = 5
    pause_s: float = 0.5


def shown(url: str) -> str:
    """Return `url` without a name and password in it: as ci.redaction, which containers have not."""
    return re.sub(r"(?<=://)[^/?#\s]*@", "", url)


@dataclass(frozen=True)
class Client:
    """Reads from URLs; every failed try is reported through `say`."""

    say: Say
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    trusted: tuple[str, ...] = ()
    """Hosts whose certificates are not checked."""

    def body(self, url: str, headers: dict[str, str], what: str) -> tuple[bytes, http.client.HTTPMessage]:
        """Return the body at `url` and its headers; for small documents.

        Raises:
            FetchingError: it can't be fetched.
        """

        def attempt() -> tuple[bytes, http.client.HTTPMessage]:
            with self.open(url, headers) as response:
                return b"".join(self.chunks(response)), response.headers

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
            except urllib.error.HTTPError as error:
                error.close()
                kind = "unavailable" if error.code in UNAVAILABLE else "fetch"
                text = f"{what}: {shown(url)}: the answer was {error.code} {error.reason}"
                raise FetchingError(kind=kind, text=text) from error
        raise AssertionError("a last try returns or raises")

    def open(self, url: str, headers: dict[str, str]) -> http.client.HTTPResponse:
        """Open `url`. Raises `TransientError`, or urllib's HTTPError where another try would not help."""
        parts = urlsplit(url)
        headers = {"User-Agent": "dockwright", "Accept-Encoding": "identity", **headers}
        bare = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
        request = urllib.request.Request(bare, headers=headers)  # noqa: S310 of a lock's archive or an index
        if parts.username is not None:
            pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
            encoded = base64.b64encode(pair.encode()).decode()
            request.add_unredirected_header("Authorization", f"Basic {encoded}")
        try:
            opened = self._opener(parts.hostname or "", parts.port).open(request, timeout=self.retry.stall_s)
        except urllib.error.HTTPError as error:
            if error.code in TRANSIENT:
                error.close()
                raise TransientError(f"the answer was {error.code} {error.reason}") from error
            raise
        except (OSError, ValueError, http.client.HTTPException) as error:
            reason = getattr(error, "reason", error)
            if isinstance(reason, TimeoutError):
                raise TransientError(f"no answer within {self.retry.stall_s:g} s") from error
            raise TransientError(f"no connection ({_reason(reason)})") from error
        assert isinstance(opened, http.client.HTTPResponse)
        return opened

    def chunks(self, response: http.client.HTTPResponse) -> Iterator[bytes]:
        """Yield the body. Raises `TransientError` where it is shorter than announced, or stalls."""
        size = response.headers.get("Content-Length")
        arrived, window, since = 0, 0, time.monotonic()
        while True:
            try:
                chunk = response.read1(CHUNK)
            except TimeoutError as error:
                raise TransientError(f"nothing came for {self.retry.stall_s:g} s") from error
            except (OSError, http.client.HTTPException) as error:
                raise TransientError(
                    f"the connection broke after {arrived} bytes ({_reason(error)})"
                ) from error
            if not chunk:
                break
            arrived, window = arrived + len(chunk), window + len(chunk)
            yield chunk
            passed = time.monotonic() - since
            if passed > self.retry.stall_s:
                if window < SLOWEST * passed:
                    raise TransientError(f"only {window} bytes came in {passed:.0f} s")
                window, since = 0, time.monotonic()
        if size is not None and arrived != int(size):
            raise TransientError(f"the connection ended after {arrived} of {size} bytes")

    def _opener(self, host: str, port: int | None) -> urllib.request.OpenerDirector:
        context = ssl.create_default_context()
        if host in self.trusted or f"{host}:{port}" in self.trusted:
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        return urllib.request.build_opener(urllib.request.HTTPSHandler(context=context))


def _reason(reason: object) -> str:
    """Return the reason of an error, in a few words."""
    text = getattr(reason, "strerror", None) or str(reason) or type(reason).__name__
    return str(text)
