"""An answer of a registry, and what it says is wrong. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: its status, headers and whole body, and the address that it came from.

    Source of what is read of a body: OCI distribution-spec 1.1, section Error Codes.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    url: str

    @property
    def detail(self) -> str:
        """What the registry says is wrong, in brackets; empty where it says so in no way of registries."""
        fault = self._fault()
        text = str(fault.get("message") or fault.get("code") or "")
        return f" ({''.join(one for one in text[:200] if one.isprintable())})" if text else ""

    def is_disturbed(self, method: str) -> bool:
        """Whether another writer of the same bytes was in the way of a request.

        Debian's docker-registry writes a file in place: who checks what another one is just writing finds
        other bytes, and is told that its own digest is wrong.
        """
        return method == "PUT" and self.status == 400 and self._fault().get("code") == "DIGEST_INVALID"

    def _fault(self) -> dict[str, Any]:
        """Return the first fault that the body names, an empty one where it names none."""
        try:
            first = json.loads(self.body)["errors"][0]
        except (ValueError, KeyError, TypeError, IndexError, RecursionError):
            return {}
        return first if isinstance(first, dict) else {}
