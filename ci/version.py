"""dockwright's own version, and the one that all of Dagger has to have."""

from __future__ import annotations

import tomllib
from importlib.metadata import version as installed
from pathlib import Path


def version() -> str:
    """Return the version of pyproject.toml next to this package, or the installed one."""
    project = Path(__file__).parents[1] / "pyproject.toml"
    if project.is_file():
        return str(tomllib.loads(project.read_text(encoding="utf-8"))["project"]["version"])
    return installed("dockwright")


def dagger_version() -> str:
    """Return the version of Dagger's SDK, which its engine and command line have to have too."""
    return installed("dagger-io")
