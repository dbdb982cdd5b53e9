"""Connecting to a registry: by TLS or, on this machine, without; and checking that it is a registry."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import httpx

from ci.errors import RegistryError
from ci.registry.client import RegistryClient, Say
from ci.registry.credentials import Credentials
from ci.registry.namespace import RegistryNamespace
from ci.registry.retry import AT_ONCE, RetryPolicy
from ci.registry.tls import UNTRUSTED, tls_context


@asynccontextmanager
async def open_registry(
    namespace: RegistryNamespace, credentials: Credentials | None, retry_policy: RetryPolicy, say: Say
) -> AsyncIterator[RegistryClient]:
    """Yield a client of a registry that has answered; on loopback it may have no TLS.

    Raises:
        RegistryError: it does not answer, or it is not a registry.
    """
    schemes = ("https", "http") if namespace.is_loopback else ("https",)
    for scheme in schemes:
        async with httpx.AsyncClient(
            base_url=f"{scheme}://{namespace.answers_at}",
            verify=tls_context(namespace.host) if scheme == "https" else True,
            trust_env=not namespace.is_loopback,
            headers={"Accept-Encoding": "identity", "User-Agent": "dockwright"},
            timeout=httpx.Timeout(retry_policy.answer_s, pool=None),
            limits=httpx.Limits(max_connections=AT_ONCE, max_keepalive_connections=AT_ONCE),
        ) as http:
            client = RegistryClient(
                namespace=namespace, http=http, credentials=credentials, retry_policy=retry_policy, say=say
            )
            if scheme != schemes[-1] and not await _speaks_tls(http, retry_policy.answer_s):
                continue
            try:
                await client.connect()
            except RegistryError as error:
                # a token is requested together with a scope; some registries issue none without
                if error.answer != "unauthorised" or not client.authorization.is_asked:
                    raise
            yield client
            return


async def _speaks_tls(http: httpx.AsyncClient, limit_s: float) -> bool:
    """Whether the server speaks TLS, with a trusted certificate or not."""
    try:
        with anyio.fail_after(limit_s):
            await http.get("/v2/")
    except httpx.TransportError as error:
        return UNTRUSTED in str(error)
    except httpx.HTTPError:
        return True
    except TimeoutError:
        return True
    return True
