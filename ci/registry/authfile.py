"""Credentials for a program that we start: in a file that only we can read, never in its arguments."""

from __future__ import annotations

import json
import os
from pathlib import Path

from ci.registry.credentials import Credentials


def write_authfile(path: Path, host: str, credentials: Credentials | None) -> str:
    """Write the credentials for `host` to `path` and return that; nothing and empty where there are none.

    Source: containers-auth.json(5).
    """
    if credentials is None:
        return ""
    encoded = credentials.basic().removeprefix("Basic ")
    part = path.with_name(f".{path.name}.part")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as stream:
        json.dump({"auths": {host: {"auth": encoded}}}, stream)
    part.replace(path)
    return str(path)
