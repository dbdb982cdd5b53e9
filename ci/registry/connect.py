"""Connecting to a registry: by TLS or, on this machine, without; and checking that it is a registry."""

from __future__ import annotations

import ssl
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import anyio
import httpx

from ci.errors import RegistryError
from ci.registry.client import RegistryClient, Say
from ci.registry.credentials import Credentials
from ci.registry.namespace import RegistryNamespace
from ci.registry.retry import AT_ONCE, RetryPolicy
from ci.registry.tls import UNTRUSTED, tls_context

_silent: dict[str, tuple[float, str]] = {}
"""Registries that gave no answer to this process: until when they are not asked again, and the error."""
SILENT_S = 300.0
POOLS = 16
"""Pools of connections: with each request, a pool inspects all connections that it has."""
EACH = AT_ONCE // POOLS
PROBE_S = 5.0
"""Most seconds to find out whether a registry on this machine has TLS."""


@asynccontextmanager
async def open_registry(
    namespace: RegistryNamespace, credentials: Credentials | None, retry_policy: RetryPolicy, say: Say
) -> AsyncIterator[RegistryClient]:
    """Yield a client of a registry that has answered; on loopback it may have no TLS.

    One that was silent is not asked again for `SILENT_S`: a command may open it several times.

    Raises:
        RegistryError: it does not answer, or it is not a registry.
    """
    until, message = _silent.get(namespace.answers_at, (0.0, ""))
    if time.monotonic() < until:
        raise RegistryError("unreachable", message)
    trusted = tls_context(namespace.host)
    schemes = ("https", "http") if namespace.is_loopback else ("https",)
    for scheme in schemes:
        async with AsyncExitStack() as stack:
            http, *others = [
                await stack.enter_async_context(_http(namespace, scheme, retry_policy, trusted))
                for _ in range(POOLS)
            ]
            client = RegistryClient(
                namespace=namespace,
                http=http,
                others=tuple(others),
                credentials=credentials,
                retry_policy=retry_policy,
                say=say,
            )
            if scheme != schemes[-1] and not await _speaks_tls(http, min(PROBE_S, retry_policy.answer_s)):
                continue
            try:
                await client.connect()
            except RegistryError as error:
                if retry_policy.is_down(time.monotonic()):
                    _silent[namespace.answers_at] = (time.monotonic() + SILENT_S, error.message)
                # a token is requested together with a scope; some registries issue none without
                if error.answer != "unauthorised" or not client.authorization.is_asked:
                    raise
            yield client
            return


def _http(
    namespace: RegistryNamespace, scheme: str, retry_policy: RetryPolicy, trusted: ssl.SSLContext
) -> httpx.AsyncClient:
    """Return one pool of connections to a registry.

    Raises:
        RegistryError: the environment names a proxy that can't be used.
    """
    answer_s = retry_policy.answer_s
    try:
        return httpx.AsyncClient(
            base_url=f"{scheme}://{namespace.answers_at}",
            verify=trusted,
            trust_env=not namespace.is_loopback,
            headers={"Accept-Encoding": "identity", "User-Agent": "dockwright"},
            timeout=httpx.Timeout(answer_s, connect=min(retry_policy.connect_s, answer_s), pool=None),
            limits=httpx.Limits(max_connections=EACH, max_keepalive_connections=EACH),
        )
    except (ValueError, ImportError, httpx.InvalidURL) as error:
        raise RegistryError(
            "unreachable",
            f"{namespace.host}: a proxy of the environment can't be used ({error})",
            hint="HTTPS_PROXY, HTTP_PROXY and ALL_PROXY take http://HOST:PORT",
        ) from error


async def _speaks_tls(http: httpx.AsyncClient, limit_s: float) -> bool:
    """Whether the server speaks TLS, with a trusted certificate or not."""
    try:
        with anyio.fail_after(limit_s):
            async with http.stream("GET", "/v2/"):  # its body is not read
                return True
    except httpx.TransportError as error:
        return UNTRUSTED in str(error)
    except (httpx.HTTPError, TimeoutError):
        return True
