"""How an image is named to an engine or a registry: `repository:tag@digest`. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from ci.errors import ParseError
from ci.names.digest import Digest
from ci.names.host import HOST, HUB, PORT

LOCAL = "localhost/"
"""What Buildah and Podman put before a name without a registry."""
COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
"""One part of a repository's path. Source: OCI distribution-spec 1.1, section Pull, `<name>`."""
TAG = r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}"
"""Source: OCI distribution-spec 1.1, section Pull, `<reference>` as a tag."""
REPOSITORY = rf"(?:{HOST}(?::{PORT})?/)?{COMPONENT}(?:/{COMPONENT})*"
_FORM = re.compile(rf"({REPOSITORY})(?::({TAG}))?(?:@sha256:([0-9a-f]{{64}}))?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """An image by name. `repository` has its host, if it names one; `str()` is `repository:tag@digest`.

    Attributes:
        tag: empty where it names none.
        digest: None where it names none.
    """

    repository: str
    tag: str = ""
    digest: Digest | None = None

    def __str__(self) -> str:
        """Return it as engines take it."""
        tag = f":{self.tag}" if self.tag else ""
        return f"{self.repository}{tag}" + (f"@{self.digest}" if self.digest is not None else "")

    @property
    def host(self) -> str:
        """`HOST[:PORT]` of its registry; Docker Hub where it names none.

        Source: Docker's reference grammar: the first part is a host if it has a `.` or `:`, or is localhost.
        """
        first, _, rest = self.repository.partition("/")
        is_host = bool(rest) and ("." in first or ":" in first or first == "localhost")
        return first if is_host else HUB

    @property
    def name(self) -> str:
        """The last part of its repository's path."""
        return self.repository.rpartition("/")[2]

    def image_in(self, namespace: str) -> str:
        """Return the name of its image in `namespace`; empty where it lies elsewhere."""
        name = self.repository.removeprefix(f"{namespace}/")
        return name if name != self.repository else ""

    def without_digest(self) -> Reference:
        """Return the same by its tag alone."""
        return replace(self, digest=None)

    def without_tag(self) -> Reference:
        """Return the same by its digest alone."""
        return replace(self, tag="")


def parse_reference(text: str) -> Reference:
    """Return `text` (`repository`, `repository:tag`, `repository@digest`, or with both) as a reference.

    Raises:
        ParseError: it is none.
    """
    found = _FORM.fullmatch(text)
    if found is None:
        raise ParseError(
            f"{text!r} is not the reference of an image", hint="write REPOSITORY:TAG or REPOSITORY@sha256:HEX"
        )
    return Reference(
        repository=found[1], tag=found[2] or "", digest=Digest(found[3]) if found[3] is not None else None
    )


def find_reference(text: str) -> Reference | None:
    """Return the same; None where it is none, as the names that other programs gave in a store may be."""
    try:
        return parse_reference(text)
    except ParseError:
        return None
