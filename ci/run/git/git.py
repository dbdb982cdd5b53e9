"""Git, asked one thing: the answer as a value, whatever it is."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

LIMIT_S = 30.0
ENV = {"GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C.UTF-8"}
"""Looking takes no lock and refreshes no index."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What git printed; `fault` is its last words where it failed, could not start, or took too long."""

    output: bytes = b""
    fault: str = ""

    @property
    def lines(self) -> list[str]:
        """The output as lines of text."""
        return self.output.decode(errors="replace").splitlines()


def git(
    directory: Path,
    *words: str,
    given: bytes = b"",
    env: Mapping[str, str] | None = None,
    limit_s: float = LIMIT_S,
) -> Answer:
    """Ask git in `directory`, with `given` as its standard input and `env` on top of ours."""
    try:
        done = subprocess.run(
            ("git", "-C", str(directory), *words),
            input=given,
            capture_output=True,
            timeout=limit_s,
            check=False,
            env={**os.environ, **ENV, **(env or {})},
        )
    except subprocess.TimeoutExpired:
        return Answer(fault=f"git took more than {limit_s:g} s")
    except OSError as error:
        return Answer(fault=f"git can't be started ({error.strerror})")
    if done.returncode == 0:
        return Answer(output=done.stdout)
    told = done.stderr.decode(errors="replace").strip().splitlines()
    return Answer(output=done.stdout, fault=told[-1] if told else f"git ended with {done.returncode}")
