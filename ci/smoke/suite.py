"""What a check's result depends on beside the image: the digest of the suite. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Any


def suite_digest(request: Mapping[str, Any], program: Mapping[str, str], closes: str) -> str:
    """Return 64 hex digits: of what is asked of an image, of the code that asks it, of how it is closed in.

    `program` has the sha256 of every file of that code by its path, the files of the images' folders smoke/
    among them.
    """
    document = {"schema": 1, "request": request, "program": dict(program), "closes": closes}
    return sha256(json.dumps(document, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
