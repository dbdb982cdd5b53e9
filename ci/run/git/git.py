"""One call of git; its result is a value, also after an error."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

LIMIT_S = 30.0
ENV = {"GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C.UTF-8"}
"""Reading takes no lock and does not refresh the index."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GitResult:
    """The output of git. `error` is its last line where it failed, could not start, or took too long."""

    output: bytes = b""
    error: str = ""

    @property
    def lines(self) -> list[str]:
        """The output as lines of text."""
        return self.output.decode(errors="replace").splitlines()


def git(
    directory: Path,
    *arguments: str,
    stdin: bytes = b"",
    env: Mapping[str, str] | None = None,
    limit_s: float = LIMIT_S,
) -> GitResult:
    """Run git in `directory`, with `stdin` as its standard input and `env` added to the environment."""
    try:
        done = subprocess.run(
            ("git", "-C", str(directory), *arguments),
            input=stdin,
            capture_output=True,
            timeout=limit_s,
            check=False,
            env={**os.environ, **ENV, **(env or {})},
        )
    except subprocess.TimeoutExpired:
        return GitResult(error=f"git took more than {limit_s:g} s")
    except OSError as error:
        return GitResult(error=f"git can't be started ({error.strerror})")
    if done.returncode == 0:
        return GitResult(output=done.stdout)
    lines = done.stderr.decode(errors="replace").strip().splitlines()
    return GitResult(output=done.stdout, error=lines[-1] if lines else f"git ended with {done.returncode}")
