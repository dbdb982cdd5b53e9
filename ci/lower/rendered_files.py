"""Rendered files against those of a stack's directory."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ci.lower.render import MARK


def differences(top: Path, files: Mapping[str, str]) -> tuple[list[str], list[str]]:
    """Return which of `files` are absent or other in `top`, and which rendered Dockerfiles are left over."""
    stale = [name for name, text in files.items() if _text(top / name) != text]
    found = sorted(path.relative_to(top).as_posix() for path in top.glob("*/Dockerfile.*"))
    left_over = [name for name in found if name not in files and (_text(top / name) or "").startswith(MARK)]
    return stale, left_over


def _text(path: Path) -> str | None:
    try:
        return path.read_bytes().decode("utf-8")
    except (FileNotFoundError, UnicodeDecodeError):
        return None
