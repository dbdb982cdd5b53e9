"""Child processes as values: what an argv builder returns, how it gets its rights, how it ended. Pure."""

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
class Privilege:
    """How a command gets the rights that the files of a store need.

    Attributes:
        prefix: put before the command: `()` as root, `("sudo", "-n")`, or `("buildah", "unshare")`.
        rootless: whether the prefix enters a user namespace of this user, instead of becoming root.
    """

    prefix: tuple[str, ...] = ()
    rootless: bool = False


ROOT = Privilege()
"""No prefix: this process is root, or nothing needs root's rights."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessResult:
    """How a program ended: its standard output, its exit status, the last lines of both outputs.

    `termination_reason` is set where the runner ended it: it ran too long, or wrote too much.
    """

    output: str
    status: int
    tail: str = ""
    termination_reason: str = ""
