"""Rendered files compared with those of a stack's directory."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ci.bounded.file import read_file
from ci.lower.render import HEADER

RENDERED = ("*/Dockerfile.*", "*/.dockerignore")
"""What `render` has written; ignore files are needed no more."""


def differences(top: Path, files: Mapping[str, str]) -> tuple[list[str], list[str]]:
    """Return which of `files` are missing or different in `top`, and obsolete rendered files."""
    stale = [name for name, text in files.items() if _text(top / name) != text]
    found = sorted(path.relative_to(top).as_posix() for pattern in RENDERED for path in top.glob(pattern))
    obsolete = [name for name in found if name not in files and (_text(top / name) or "").startswith(HEADER)]
    return stale, obsolete


def _text(path: Path) -> str | None:
    try:
        return read_file(path).decode("utf-8")
    except (OSError, UnicodeDecodeError):
        return None
