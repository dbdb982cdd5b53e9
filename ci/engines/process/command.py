"""A child process as a value: what an argv builder returns and the runner runs."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """`argv` with `env` on top of the caller's environment. No shell."""

    argv: tuple[str, ...]
    env: tuple[tuple[str, str], ...] = ()
    cwd: str = ""
    """Where it runs; empty: where the caller is."""

    def privileged(self, prefix: tuple[str, ...]) -> Command:
        """Return this command behind `prefix` (such as `sudo -n`), which may not pass the environment on."""
        if not prefix:
            return self
        env = ("env", *(f"{name}={value}" for name, value in self.env)) if self.env else ()
        return Command(argv=(*prefix, *env, *self.argv), env=self.env, cwd=self.cwd)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessResult:
    """How a program ended: its standard output, its status, the last lines of all that it wrote.

    `why` says why it was ended from here; empty where it ended by itself.
    """

    output: str
    status: int
    tail: str = ""
    why: str = ""
