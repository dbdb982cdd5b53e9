"""Where an answer of a registry may send a client: redirections, uploads, next pages, token servers.

A registry chooses these addresses, and this machine may reach what the registry can't: its own services, and
those of the cloud that it runs in, which give credentials to whoever asks. So an address is followed only by
TLS, and not into a network that is closer than the registry's own.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from urllib.parse import SplitResult, urlsplit

import anyio

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
NAT64 = ipaddress.ip_network("64:ff9b::/96")
"""IPv6 addresses that have one of IPv4 in their last 32 bits. Source: RFC 6052."""
_NUMBER = re.compile(r"(?:[0-9]+|0[xX][0-9a-fA-F]*)")


async def refusal(url: str, registry: str) -> str:
    """Return why the address `url` is not followed, in a few words; empty where it is.

    `registry` is the address of the registry, with its scheme.
    """
    try:
        parts, own = urlsplit(url), urlsplit(registry)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return "that is no address"
    if not host or port == 0 or parts.scheme not in ("https", "http"):
        return "that is no address of a server"
    if parts.username is not None:
        return "it has a user or a password in it"
    if _NUMBER.fullmatch(host.rpartition(".")[2]) and _ip(host) is None:
        return "its host is a number"
    near = {_kind(one) for one in await _addresses(own)}
    kinds = {_kind(one) for one in await _addresses(parts)}
    if parts.scheme == "http" and (own.scheme != "http" or kinds != {"loopback"}):
        return "it has no TLS"
    for kind in sorted(kinds - {"global"}):
        if kind not in near or kind == "special":
            return f"it is a {kind} address"
    return ""


async def _addresses(parts: SplitResult) -> list[IPAddress]:
    """Return the addresses of a host; none where its name is not known here, as to a proxy's client."""
    host = parts.hostname or ""
    if (found := _ip(host)) is not None:
        return [found]
    if host == "localhost" or host.endswith(".localhost"):
        return [ipaddress.IPv4Address("127.0.0.1")]
    try:
        rows = await anyio.getaddrinfo(host, parts.port or 443, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return []
    return [one for row in rows if (one := _ip(str(row[4][0]))) is not None]


def _ip(text: str) -> IPAddress | None:
    try:
        found = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped is not None:
            return found.ipv4_mapped
        if found in NAT64:
            return ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)
    return found


def _kind(address: IPAddress) -> str:
    """Return which network an address is of. `special`: link-local and others that no registry is at."""
    if address.is_loopback:
        return "loopback"
    if address.is_link_local or address.is_multicast or address.is_unspecified or address.is_reserved:
        return "special"
    return "global" if address.is_global else "private"
