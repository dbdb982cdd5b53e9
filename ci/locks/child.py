"""Child processes of this package: uv, apt and skopeo, run to their end."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Mapping, Sequence

from ci.engines.process.tool_warning import warnings_of
from ci.errors import CommandError


def run(
    argv: Sequence[str],
    env: Mapping[str, str],
    *,
    warn: Callable[[str], None] = lambda _: None,
    timeout_s: float | None = None,
) -> str:
    """Return what `argv` wrote to its output; `env` is its whole environment, `warn` gets its warnings.

    Raises:
        CommandError: it ended with a non-zero status, was not found, or ran past `timeout_s`; `tail` is all
            that it wrote, to its output first.
    """
    try:
        done = subprocess.run(
            list(argv),
            env=dict(env),
            timeout=timeout_s,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            check=False,
        )
    except FileNotFoundError as error:
        raise CommandError(tuple(argv), 127, f"{argv[0]} is not installed") from error
    except subprocess.TimeoutExpired as error:
        raise CommandError(tuple(argv), 124, f"no answer within {timeout_s:g} s") from error
    if done.returncode != 0:
        tail = "\n".join(text for text in (done.stdout.strip(), done.stderr.strip()) if text)
        raise CommandError(tuple(argv), done.returncode, tail)
    for warning in warnings_of(done.stderr):
        warn(warning)
    return done.stdout
