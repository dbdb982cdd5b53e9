"""What both ways to fill a house have in common: where a fetching program finds things, and how it fails."""

from __future__ import annotations

from typing import Any

from ci.engines.engine import Output
from ci.errors import (
    BuildError,
    CommandError,
    DiskFullError,
    DockwrightError,
    FetchError,
    LockError,
    UnavailableError,
)

PYTHON_ENV = {"PYTHONDONTWRITEBYTECODE": "1", "PIP_ROOT_USER_ACTION": "ignore"}
TARGET = "/run/dockwright"
"""Where a container that fetches has its program, its input and the houses."""
UNTOLD: dict[str, Any] = {"kind": "fetch", "text": "fetching failed", "gone": []}
"""What stands for the failure of a program that told none."""


def failure_of(name: str, told: dict[str, Any], error: CommandError, output: Output) -> DockwrightError:
    """Return what the program that filled `name` failed of; see ci/wheelhouse/program/failure.py."""
    text = what = f"{name}: {told['text']}"
    if output.log is not None:
        text += f" ({output.log} has all of it)"
    text += f"\n{error.tail}"
    if told["kind"] == "gone" and not name.startswith("wheelhouse/"):
        return UnavailableError(text, what=what, files=tuple(told["gone"]))
    kinds = {"compile": BuildError, "disk": DiskFullError, "gone": LockError}
    return kinds.get(told["kind"], FetchError)(text)
