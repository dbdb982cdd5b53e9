"""A namespace of a registry, as it is typed. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from ci.errors import UsageError
from ci.names.digest import parse_digest
from ci.names.host import HOST, HUB, HUB_ADDRESS, PORT, is_loopback
from ci.names.reference import COMPONENT, Reference
from ci.redaction import without_login

_FORM = re.compile(rf"({HOST}(?::{PORT})?)/({COMPONENT}(?:/{COMPONENT})*)")
LONGEST = 255
"""Most characters of a repository's name."""


@dataclass(frozen=True, slots=True)
class RegistryNamespace:
    """A namespace of a registry: `host` is `HOST[:PORT]`, `namespace` one or more components.

    Attributes:
        address: where that host is reached from here, `HOST:PORT`, where it is not its own.
        is_named_by_file: whether a file names it, which others may have written: it gets no credentials of
            the environment.
    """

    host: str
    path: str
    address: str = ""
    is_named_by_file: bool = field(default=False, compare=False)

    def __str__(self) -> str:
        """Return it as it is typed."""
        return f"{self.host}/{self.path}"

    def repository(self, image: str) -> str:
        """Return the repository of `image`, without the host."""
        return f"{self.path}/{image}"

    def reference(self, image: str, *, tag: str = "", digest: str = "") -> str:
        """Return the whole reference of `image`, by tag or by digest, as engines take it."""
        found = parse_digest(digest) if digest else None
        return str(Reference(repository=f"{self}/{image}", tag=tag, digest=found))

    @property
    def answers_at(self) -> str:
        """`HOST[:PORT]` to connect to."""
        return self.address or (HUB_ADDRESS if self.host == HUB else self.host)

    @property
    def is_loopback(self) -> bool:
        """Whether the registry is on this machine; only such a one may be without TLS."""
        return is_loopback(self.host)


def parse_namespace(text: str) -> RegistryNamespace:
    """Return `text` (`HOST[:PORT]/NAMESPACE`) as a namespace.

    Raises:
        UsageError: it has not that form.

    Source: OCI distribution-spec 1.1, section Pull: what a repository's name may be.
    """
    if "@" in text:
        raise UsageError(
            f"the namespace of a registry has no user and no password in it: '{without_login(text)}'",
            hint="set them in the environment: DOCKWRIGHT_REGISTRY_USER and DOCKWRIGHT_REGISTRY_PASSWORD, or "
            "log in by `podman login` or `docker login`",
        )
    if text != text.lower() and _FORM.fullmatch(text.lower()):
        raise UsageError(
            f"{text!r} is not the namespace of a registry: it has capital letters",
            hint=f"write {text.lower()}; the repositories of a registry have lower-case names",
        )
    found = _FORM.fullmatch(text)
    if found is None or len(text) > LONGEST:
        raise UsageError(
            f"{text!r} is not the namespace of a registry",
            hint="give HOST[:PORT]/NAMESPACE without a scheme and in lower case, as in "
            "registry.example.org/team; a port is 1 to 65535",
        )
    return RegistryNamespace(host=found[1], path=found[2])
