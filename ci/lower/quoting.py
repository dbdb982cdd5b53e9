"""Strings as words of a Dockerfile or of a shell: nothing else writes a value into either. Pure."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence

from ci.errors import CatalogError

LINE_BYTES = 60_000
"""Most bytes of a line. Buildah's parser takes 65,535, drops a longer line and all after it, and succeeds."""


def dockerfile_word(text: str) -> str:
    r"""Return one line of text as a word of ENV or LABEL, in which no variable is replaced.

    Source: Docker, Dockerfile reference, Environment replacement: `\` escapes `"`, `\` and `$` in quotes.
    """
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("$", "\\$")
    return f'"{escaped}"'


def exec_form(argv: Sequence[str]) -> str:
    """Return a program with its arguments as the JSON list that ENTRYPOINT takes, in ASCII."""
    return json.dumps(list(argv))


def sh_word(text: str) -> str:
    """Return any text without a NUL as one word of a shell script."""
    return shlex.quote(text)


def checked_lines(instruction: str) -> str:
    """Return a whole instruction.

    Raises:
        CatalogError: one of its lines is too long for a Dockerfile.
    """
    longest = max(len(line.encode()) for line in instruction.split("\n"))
    if longest > LINE_BYTES:
        raise CatalogError(
            f"{instruction[:60]}…: a line of {longest} bytes, and a Dockerfile's has at most {LINE_BYTES}",
            hint="shorten what image.toml has for it",
        )
    return instruction
