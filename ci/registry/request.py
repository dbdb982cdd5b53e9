"""A request to a registry. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from pathlib import Path

from ci.registry.manifest import LIMIT_BYTES


@dataclass(frozen=True, slots=True)
class RegistryRequest:
    """A method and an address, and what they need.

    Attributes:
        method: of HTTP.
        url: a path of the registry, or a whole address that an answer named.
        scope: what a token has to allow, where the registry uses tokens.
        headers: beyond those that every request has.
        body: bytes, or the file that has them.
        into: the file that the body of the answer is written to; None: it is returned.
        limit_bytes: the most that the body of the answer may have.
    """

    method: str
    url: str
    _: KW_ONLY
    scope: Sequence[str] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | Path | None = None
    into: Path | None = None
    limit_bytes: int = LIMIT_BYTES

    @property
    def follows(self) -> bool:
        """Whether a redirection is followed: blobs often lie elsewhere."""
        return self.method in ("GET", "HEAD")
