"""Addresses: what may be read from, and how one is shown. What a server sends is outside data."""

import ipaddress
import re
from urllib.parse import SplitResult, urlsplit


class UnusableError(Exception):
    """The answer can't be used, and another try would not help."""


def shown(url: str) -> str:
    """Return the first 300 characters of `url`, without a name and password in it."""
    return re.sub(r"//[^/]*@", "//", url)[:300]


def parse_url(url: str) -> SplitResult:
    """Return the parts of a URL that can be read from.

    Raises:
        UnusableError: it is none, or none of http or https.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise UnusableError(f"{shown(url)!r} is no URL ({error})") from error
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
        raise UnusableError(f"{shown(url)!r} is not read: only http and https are, from a host")
    if any(character <= " " or character == "\x7f" for character in url):
        raise UnusableError(f"{shown(url)!r} is no URL (it has spaces or control characters)")
    return parts


def is_near(host: str) -> bool:
    """Whether `host` is an address of this machine, of its link, or of no single host."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
    address = getattr(address, "ipv4_mapped", None) or address
    near = address.is_loopback or address.is_link_local
    return near or address.is_unspecified or address.is_multicast


def host_of(address: str) -> str:
    """Return the host of an address of a proxy or an index, empty where it has none."""
    try:
        return (urlsplit(address if "//" in address else f"//{address}").hostname or "").lower()
    except ValueError:
        return ""
