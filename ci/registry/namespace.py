"""Where in a registry images are kept, as it is typed. Pure."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

from ci.errors import UsageError

_HOST = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")
_COMPONENT = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*")
LONGEST = 255
"""Most characters of a repository's name."""


@dataclass(frozen=True, slots=True)
class RegistryNamespace:
    """A namespace of a registry: `host` is `HOST[:PORT]`, `namespace` one or more components.

    `address` is where that host is reached from here, `HOST:PORT`, where it is not its own.
    """

    host: str
    namespace: str
    address: str = ""

    def __str__(self) -> str:
        """Return it as it is typed."""
        return f"{self.host}/{self.namespace}"

    def repository(self, image: str) -> str:
        """Return the repository of `image`, without the host."""
        return f"{self.namespace}/{image}"

    @property
    def is_loopback(self) -> bool:
        """Whether the registry is on this machine; only such a one may be without TLS."""
        name = self.host.rpartition(":")[0] if re.search(r":[0-9]+$", self.host) else self.host
        if name == "localhost":
            return True
        try:
            return ipaddress.ip_address(name.strip("[]")).is_loopback
        except ValueError:
            return False


def parse_namespace(text: str) -> RegistryNamespace:
    """Return `text` (`HOST[:PORT]/NAMESPACE`) as a place.

    Raises:
        UsageError: it is none.

    Source: OCI distribution-spec 1.1, section Pull: what a repository's name may be.
    """
    host, _, namespace = text.partition("/")
    right = _HOST.fullmatch(host) and all(_COMPONENT.fullmatch(part) for part in namespace.split("/"))
    if not right or len(text) > LONGEST:
        raise UsageError(
            f"{text!r} is no place in a registry: give HOST[:PORT]/NAMESPACE, without a scheme, the "
            "namespace in small letters, as in registry.example.org/team"
        )
    return RegistryNamespace(host=host, namespace=namespace)
