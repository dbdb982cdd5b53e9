"""An answer of a registry, and the error that it has. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ci.bounded.parse import MalformedError, parse_object


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: its status, headers and body, and the address that it came from.

    Source of what is read of a body: OCI distribution-spec 1.1, section Error Codes.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    url: str

    @property
    def detail(self) -> str:
        """The error message in brackets; empty where the body is not that of a registry's error."""
        error = self._error()
        text = str(error.get("message") or error.get("code") or "")
        return f" ({''.join(one for one in text[:200] if one.isprintable())})" if text else ""

    def is_disturbed(self, method: str) -> bool:
        """Whether a request failed because of another writer of the same blob, so that a retry may succeed.

        Debian's docker-registry writes files in place. While another request writes the blob, the registry
        reads other bytes and reports that the digest is wrong.
        """
        return method == "PUT" and self.status == 400 and self._error().get("code") == "DIGEST_INVALID"

    def _error(self) -> dict[str, Any]:
        """Return the first error that the body has; empty where it has none."""
        try:
            errors = parse_object(self.body).get("errors")
        except MalformedError:
            return {}
        first = errors[0] if isinstance(errors, list) and errors else None
        return first if isinstance(first, dict) else {}
