"""Connections for http and https alone, which are watched: urllib's, with a bound on what it leaves open."""

import http.client
import socket
import ssl
import threading
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from http.client import HTTPMessage
from typing import IO, Any
from urllib.parse import urljoin

from .address import UnusableError, host_of, is_near, parse_url, shown

REDIRECTS = 10
"""Most redirects of one request."""
Connect = Callable[..., socket.socket]


def opener(
    connect: Connect, watch: "Watch", named: frozenset[str], context: ssl.SSLContext
) -> urllib.request.OpenerDirector:
    """Return what opens http and https alone, by `connect`, and lets `watch` see each connection.

    It raises `UnusableError` where an address, or what it is redirected to, is one of this machine or its
    link and neither in `named` nor a proxy's.
    """
    proxies = urllib.request.getproxies()
    allowed = named | {host_of(address) for address in proxies.values()}

    def watched(address: tuple[str, int], *more: Any, **options: Any) -> socket.socket:
        opened = connect(address, *more, **options)
        watch.begin(opened)
        try:
            peer = opened.getpeername()
        except OSError:  # the other side has reset it already
            opened.close()
            raise
        if address[0].lower() not in allowed and isinstance(peer, tuple) and is_near(str(peer[0])):
            opened.close()
            raise UnusableError(f"{address[0]} is {peer[0]}, an address of this machine or its link")
        return opened

    def check(target: str) -> None:
        host = (parse_url(target).hostname or "").lower()
        if host not in allowed and is_near(host):
            raise UnusableError(f"{shown(target)!r} is an address of this machine or its link")

    made = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(proxies),
        urllib.request.UnknownHandler(),
        _Checked(check),
        _Http(watched),
        _Https(watched, context),
        urllib.request.HTTPDefaultErrorHandler(),
        _Redirects(),
        urllib.request.HTTPErrorProcessor(),
    ):
        made.add_handler(handler)
    return made


class Watch:
    """Ends a connection by which nothing has come for a while, whatever its reader waits for.

    A socket's own timeout starts again with each byte, and there are loops that no byte of a body ends: a
    head that grows, interim answers, trailers.
    """

    def __init__(self, idle_s: float) -> None:
        self._idle_s, self._done, self._touched = idle_s, threading.Event(), True
        self._socket: socket.socket | None = None
        self.expired = False

    def begin(self, opened: socket.socket) -> None:
        """Watch this connection."""
        started = self._socket is not None
        self._socket, self._touched = opened, True
        if not started:
            threading.Thread(target=self._run, daemon=True).start()

    def touch(self) -> None:
        """Note that something came."""
        self._touched = True

    def stop(self) -> None:
        """Watch no longer."""
        self._done.set()

    def _run(self) -> None:
        while not self._done.wait(self._idle_s):
            if not self._touched and self._socket is not None:
                self.expired = True
                with suppress(OSError, ValueError):
                    # of the socket below, since that of ssl takes its own state apart under the reader
                    socket.socket.shutdown(self._socket, socket.SHUT_RDWR)
                return
            self._touched = False


def _making(kind: type[http.client.HTTPConnection], connect: Connect) -> Any:
    """Return what makes a connection of this kind that connects by `connect`."""

    def make(host: str, **options: Any) -> http.client.HTTPConnection:
        made = kind(host, **options)
        made._create_connection = connect  # type: ignore[attr-defined] # what it connects by
        return made

    return make


class _Http(urllib.request.HTTPHandler):
    def __init__(self, connect: Connect) -> None:
        super().__init__()
        self._connect = connect

    def http_open(self, request: urllib.request.Request) -> http.client.HTTPResponse:
        """Open by a connection of ours."""
        return self.do_open(_making(http.client.HTTPConnection, self._connect), request)


class _Https(urllib.request.HTTPSHandler):
    def __init__(self, connect: Connect, context: ssl.SSLContext) -> None:
        super().__init__(context=context)
        self._connect, self._own_context = connect, context

    def https_open(self, request: urllib.request.Request) -> http.client.HTTPResponse:
        """Open by a connection of ours."""
        make = _making(http.client.HTTPSConnection, self._connect)
        return self.do_open(make, request, context=self._own_context)


class _Checked(urllib.request.BaseHandler):
    """Refuses addresses that `check` does not allow, those of redirects too."""

    handler_order = 0
    """Before a proxy takes the place of the host. Source: urllib.request, BaseHandler.handler_order."""

    def __init__(self, check: Callable[[str], None]) -> None:
        self._check = check

    def http_request(self, request: urllib.request.Request) -> urllib.request.Request:
        """Check where a request goes."""
        self._check(request.full_url)
        return request

    https_request = http_request


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects; that of urllib reads the whole body of each."""

    def __init__(self) -> None:
        self._followed = 0

    def http_error_302(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage
    ) -> Any:
        """Follow a redirect."""
        del msg  # what urllib hands in
        fp.close()
        location = headers.get("Location")
        self._followed += 1
        if location is None:
            raise UnusableError(f"the answer was {code} without a location")
        if self._followed > REDIRECTS:
            raise UnusableError(f"there are more than {REDIRECTS} redirects")
        try:
            target = urljoin(req.full_url, location.strip())
            parse_url(target)
        except (ValueError, UnusableError) as error:
            raise UnusableError(f"it is redirected: {error}") from error
        again = urllib.request.Request(target, headers=dict(req.headers))  # noqa: S310 checked
        return self.parent.open(again, timeout=req.timeout)

    http_error_301 = http_error_303 = http_error_307 = http_error_308 = http_error_302
