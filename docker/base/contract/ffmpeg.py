"""FFmpeg's programs, run without a shell."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from contract.error import InputError, ToolError

LAST_LINES = 6


def probe(path: Path) -> dict[str, Any]:
    """Return ffprobe's `format` and `streams` of a media file.

    Raises:
        InputError: there is no such file, or it is no media.
        ToolError: ffprobe can't be started.

    Source: ffprobe -h, writer json.
    """
    if not path.is_file():
        raise InputError(f"{path}: there is no such file; mount its folder, and name it with --source")
    argv = ["ffprobe", "-v", "error", "-show_format", "-show_streams", "-of", "json", f"file:{path}"]
    done = _run(argv)
    if done.returncode:
        raise InputError(f"{path}: is no film or sound that ffprobe can read ({_last_lines(done.stderr)})")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def ffmpeg(arguments: Sequence[str]) -> None:
    """Run ffmpeg with `arguments`, overwriting its outputs, and asking nothing.

    Raises:
        ToolError: it failed; with its exit code and last lines.
    """
    argv = ["ffmpeg", "-nostdin", "-hide_banner", "-v", "error", "-y", *arguments]
    done = _run(argv)
    if done.returncode:
        raise ToolError(
            f"ffmpeg failed with exit code {done.returncode}: {_last_lines(done.stderr)} (argv: {argv})"
        )


def _run(argv: list[str]) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(argv, capture_output=True, text=True, errors="replace", check=False)
    except OSError as error:
        raise ToolError(f"{argv[0]} can't be started ({error.strerror}); is it in the image?") from error


def _last_lines(text: str) -> str:
    return " | ".join(text.strip().splitlines()[-LAST_LINES:]) or "it said nothing"
