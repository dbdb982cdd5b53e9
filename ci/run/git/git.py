"""One call of git; its result is a value, also after an error."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

LIMIT_S = 30.0
ENV = {
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_ALLOW_PROTOCOL": "none",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_ASKPASS": "",
    "GIT_PAGER": "cat",
    "GIT_EDITOR": "false",
    "GIT_SSH_COMMAND": "false",
    "LC_ALL": "C.UTF-8",
}
"""Reading takes no lock and does not refresh the index; git opens no connection and asks nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GitResult:
    """The output of git. `error` is its last line where it failed, could not start, or took too long."""

    output: bytes = b""
    error: str = ""

    @property
    def lines(self) -> list[str]:
        """The output as lines of text."""
        return self.output.decode(errors="replace").splitlines()

    @property
    def text(self) -> str | None:
        """The output as text; None where git failed."""
        return None if self.error else self.output.decode(errors="replace").strip()


def run_git(
    *arguments: str, cwd: Path, env: Mapping[str, str], stdin: bytes = b"", limit_s: float = LIMIT_S
) -> GitResult:
    """Run git in `cwd` with `stdin` as its standard input.

    The variables that begin with GIT_ are those of `ENV` and `env`, and none of the caller's, which may name
    programs and other repositories. Only ci.run.git.git_directory calls it: it gives git no configuration of
    the repository.
    """
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    # a folder of the repository is no place of programs
    places = inherited.get("PATH", os.defpath).split(os.pathsep)
    inherited["PATH"] = os.pathsep.join(place for place in places if Path(place).is_absolute())
    try:
        done = subprocess.run(
            ("git", *arguments),
            cwd=cwd,
            input=stdin,
            capture_output=True,
            timeout=limit_s,
            check=False,
            env={**inherited, **ENV, **env},
        )
    except subprocess.TimeoutExpired:
        return GitResult(error=f"git took more than {limit_s:g} s")
    except OSError as error:
        return GitResult(error=f"git can't be started ({error.strerror})")
    if done.returncode == 0:
        return GitResult(output=done.stdout)
    lines = done.stderr.decode(errors="replace").strip().splitlines()
    return GitResult(output=done.stdout, error=lines[-1] if lines else f"git ended with {done.returncode}")
