"""A child process as a value: what an argv builder returns and the runner runs."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """`argv` with `env` on top of the caller's environment. No shell."""

    argv: tuple[str, ...]
    env: tuple[tuple[str, str], ...] = ()
    input: str = ""
    """Text for its standard input; empty: none."""
