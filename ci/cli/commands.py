"""The commands by name, each imported only when it is used: help does not wait for an engine's code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from importlib import import_module
from typing import ClassVar

import click

from ci.errors import UsageError


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """Where a command is, as `module:attribute`, and its line on the help page of the whole.

    `builds` says that it needs an engine.
    """

    path: str
    summary: str
    builds: bool = False

    def load(self) -> click.Command:
        """Import the command."""
        module, _, attribute = self.path.partition(":")
        command = getattr(import_module(module), attribute)
        assert isinstance(command, click.Command), self.path
        return command


COMMANDS = {
    "plan": Entry(path="ci.cli.plan:plan", summary="Say what would be built, and why."),
    "build-all": Entry(
        path="ci.cli.build:build_all",
        summary="Build every image that is not in the store yet, and check each one.",
        builds=True,
    ),
    "build": Entry(
        path="ci.cli.build:build", summary="Build some images and what they are built on.", builds=True
    ),
    "smoke": Entry(
        path="ci.cli.build:smoke",
        summary="Check images again, those too that are there already.",
        builds=True,
    ),
    "budget": Entry(
        path="ci.cli.budget:budget",
        summary="Hold what images take against their budgets and against before, and name what grew.",
    ),
    "explain": Entry(
        path="ci.cli.explain:explain",
        summary="Name the exact input of an image that changed since it was last built here.",
    ),
    "graph": Entry(path="ci.cli.graph:graph", summary="Draw which image is built on which."),
    "matrix": Entry(
        path="ci.cli.matrix:matrix_command",
        summary="Say what has to be built, by level of the graph, and which disk each level needs.",
    ),
    "lock": Entry(
        path="ci.cli.lock:lock",
        summary="Pin every Python and Debian package of the stack by hash, and outside images by digest.",
        builds=True,
    ),
    "render": Entry(
        path="ci.cli.render:render", summary="Write the Dockerfiles that build the stack without dockwright."
    ),
    "wheelhouse": Entry(
        path="ci.cli.wheelhouse:wheelhouse",
        summary="Fetch all wheels and Debian packages by hash, and compile what has no wheel.",
        builds=True,
    ),
    "base": Entry(
        path="ci.cli.base:base", summary="Write the bootstrap base to FILE, as an OCI archive.", builds=True
    ),
    "verify-repro": Entry(
        path="ci.cli.verify_repro:verify_repro",
        summary="Build images twice from nothing and name the first path or config field that differs.",
        builds=True,
    ),
    "repro": Entry(
        path="ci.cli.repro:repro",
        summary="Build again here what the report of another run names, and say where it came out otherwise.",
        builds=True,
    ),
    "shell": Entry(
        path="ci.cli.shell:shell",
        summary="Open a shell in an image, or before the step that its last build failed at.",
        builds=True,
    ),
    "verify-engines": Entry(
        path="ci.cli.verify_engines:verify_engines",
        summary="Build images by two engines and name each path or config field that differs.",
        builds=True,
    ),
    "publish": Entry(
        path="ci.cli.publish:publish",
        summary="Make a release of all images in a registry, and let its tags follow.",
        builds=True,
    ),
    "verify": Entry(
        path="ci.cli.publish:verify", summary="Name every tag that does not name what its release does."
    ),
    "promote": Entry(
        path="ci.cli.publish:promote", summary="Make a release of FROM one of TO, by digest.", builds=True
    ),
    "rollback": Entry(
        path="ci.cli.publish:rollback",
        summary="Make an earlier release the current one again, and let its tags follow.",
    ),
    "schema": Entry(
        path="ci.cli.schema:schema",
        summary="Print the JSON schema of image.toml, of report.json or of the events of a run.",
    ),
    "summary": Entry(
        path="ci.cli.summary:summary", summary="Print what a run did as Markdown, for a workflow's summary."
    ),
    "doctor": Entry(
        path="ci.cli.doctor.command:doctor",
        summary="Say what this machine can and cannot do, and what to type.",
    ),
    "gc": Entry(path="ci.cli.gc:gc", summary="Say what can go to make room, and with --yes remove it."),
    "test": Entry(path="ci.cli.test:test", summary="Run dockwright's own checks and tests."),
}
"""In the order of the help page."""

WITHOUT_ENGINE = ("--help", "-h", "--check", "--dry-run")
"""Options with which no command builds anything."""


def own_words(args: Sequence[str]) -> list[str]:
    """Return the words before `--`: those after it are a program's that a command starts."""
    return list(args[: args.index("--")]) if "--" in args else list(args)


def builds_here(name: str, args: Sequence[str], engine: str) -> bool:
    """Return whether the command `name` with `args` needs the embedded engine.

    `engine` is the setting; the option `--engine` goes before it.
    """
    if name == "test":
        return "--engine" in args or "--engine-only" in args
    if not COMMANDS[name].builds or any(arg in WITHOUT_ENGINE for arg in args):
        return False
    asked = "auto" if name == "lock" else engine  # its Debian locks are made on this machine
    for number, arg in enumerate(args):
        if arg.startswith("--engine="):
            asked = arg.partition("=")[2]
        elif arg == "--engine" and number + 1 < len(args):
            asked = args[number + 1]
    return asked in ("auto", "buildah", "dagger")  # the bootstrap base is made on this machine for Dagger too


class Commands(click.Group):
    """A group that knows its commands by name and imports the one that is used."""

    ARGS: ClassVar[str] = "dockwright.args"
    """Where the words after the command's name stand in the context's `meta`."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 click's signature
        """Return the names in the order of the help page."""
        return list(COMMANDS)

    def get_command(
        self,
        ctx: click.Context,  # noqa: ARG002 as above
        cmd_name: str,
    ) -> click.Command | None:
        """Import a command; None where there is none of that name."""
        return COMMANDS[cmd_name].load() if cmd_name in COMMANDS else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, and keep the words after it for what is decided before it starts.

        Raises:
            UsageError: there is no such command.
        """
        name = args[0]
        if name not in COMMANDS:
            close = get_close_matches(name, COMMANDS, n=1)
            hint = f"; did you mean {close[0]!r}?" if close else "."
            raise UsageError(f"no command {name!r}{hint} Known: {', '.join(COMMANDS)}")
        ctx.meta[self.ARGS] = args[1:]
        return super().resolve_command(ctx, args)

    def format_commands(
        self,
        ctx: click.Context,  # noqa: ARG002 as above
        formatter: click.HelpFormatter,
    ) -> None:
        """Write the list of commands without importing one."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.summary) for name, entry in COMMANDS.items()])
