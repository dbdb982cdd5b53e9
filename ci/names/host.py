"""Where a registry answers: `HOST[:PORT]`. Pure."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

from ci.errors import ParseError

HUB, HUB_ADDRESS = "docker.io", "registry-1.docker.io"
"""Docker Hub as references name it, and where it answers. Source: Docker's documentation of its registry."""
HOST = r"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])"
PORT = r"(?:6553[0-5]|655[0-2][0-9]|65[0-4][0-9]{2}|6[0-4][0-9]{3}|[1-5][0-9]{4}|[1-9][0-9]{0,3})"
"""1 to 65535."""
_FORM = re.compile(rf"({HOST})(?::({PORT}))?")


@dataclass(frozen=True, slots=True)
class RegistryHost:
    """A host, an IPv6 address without its brackets, and its port; None where the usual one is meant."""

    name: str
    port: int | None = None

    @property
    def is_loopback(self) -> bool:
        """Whether it is this machine."""
        if self.name == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.name).is_loopback
        except ValueError:
            return False

    @property
    def address(self) -> tuple[str, int]:
        """What to connect to, by TLS where no port is named."""
        return HUB_ADDRESS if self.name == HUB else self.name, self.port or 443


def parse_host(text: str) -> RegistryHost:
    """Return `text` (`HOST[:PORT]`) as a host.

    Raises:
        ParseError: it is none.
    """
    found = _FORM.fullmatch(text)
    if found is None:
        raise ParseError(
            f"{text!r} is not the host of a registry",
            hint="write HOST or HOST:PORT, with a port of 1 to 65535",
        )
    return RegistryHost(found[1].strip("[]"), int(found[2]) if found[2] else None)


def is_loopback(text: str) -> bool:
    """Whether `text` (`HOST[:PORT]`) is this machine."""
    try:
        return parse_host(text).is_loopback
    except ParseError:
        return False
