"""The commands by name, each imported only when it is used: help does not wait for an engine's code."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from enum import Enum
from importlib import import_module
from typing import Any, ClassVar

import click
from click.shell_completion import CompletionItem

from ci.engines.capabilities import BY_NAME
from ci.errors import UsageError
from ci.redaction import redacted


class Group(Enum):
    """A heading of the help page, in its order."""

    build = "Build"
    inspect = "Inspect"
    check = "Check"
    registry = "Registry"
    machine = "Machine"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """Where a command is, as `module:attribute`, its group, and its line on the help page.

    `builds` is true for a command that needs an engine.
    """

    path: str
    group: Group
    summary: str
    builds: bool = False

    def load(self) -> click.Command:
        """Import the command."""
        module, _, attribute = self.path.partition(":")
        command = getattr(import_module(module), attribute)
        assert isinstance(command, click.Command), self.path
        return command


COMMANDS = {
    "build-all": Entry(
        path="ci.cli.build:build_all",
        group=Group.build,
        summary="Build and check every image that the store does not have yet.",
        builds=True,
    ),
    "build": Entry(
        path="ci.cli.build:build",
        group=Group.build,
        summary="Build and check some images and the images that they are based on.",
        builds=True,
    ),
    "lock": Entry(
        path="ci.cli.lock:lock",
        group=Group.build,
        summary="Pin all Python and Debian packages by hash, and external base images by digest.",
        builds=True,
    ),
    "wheelhouse": Entry(
        path="ci.cli.wheelhouse:wheelhouse",
        group=Group.build,
        summary="Download all wheels and Debian packages by hash, and compile missing wheels.",
        builds=True,
    ),
    "render": Entry(
        path="ci.cli.render:render",
        group=Group.build,
        summary="Write Dockerfiles that build the stack without dockwright.",
    ),
    "base": Entry(
        path="ci.cli.base:base",
        group=Group.build,
        summary="Write the bootstrap base image to FILE, as an OCI archive.",
        builds=True,
    ),
    "plan": Entry(
        path="ci.cli.plan:plan",
        group=Group.inspect,
        summary="Show which images would be built, and why.",
    ),
    "explain": Entry(
        path="ci.cli.explain:explain",
        group=Group.inspect,
        summary="Show which inputs of an image changed since its last build.",
    ),
    "graph": Entry(
        path="ci.cli.graph:graph",
        group=Group.inspect,
        summary="Draw which image is based on which.",
    ),
    "shell": Entry(
        path="ci.cli.shell:shell",
        group=Group.inspect,
        summary="Open a shell in an image, or before the step at which its last build failed.",
        builds=True,
    ),
    "matrix": Entry(
        path="ci.cli.matrix:matrix_command",
        group=Group.inspect,
        summary="Print what must be built, by level of the graph, for the jobs of a workflow.",
    ),
    "summary": Entry(
        path="ci.cli.summary:summary",
        group=Group.inspect,
        summary="Print the report of a run as Markdown.",
    ),
    "schema": Entry(
        path="ci.cli.schema:schema",
        group=Group.inspect,
        summary="Print the JSON schema of a file that dockwright reads or writes.",
    ),
    "smoke": Entry(
        path="ci.cli.build:smoke",
        group=Group.check,
        summary="Check images again, including images that are built already.",
        builds=True,
    ),
    "budget": Entry(
        path="ci.cli.budget:budget",
        group=Group.check,
        summary="Compare the size and times of images with their budgets and with earlier values.",
    ),
    "verify-repro": Entry(
        path="ci.cli.verify_repro:verify_repro",
        group=Group.check,
        summary="Build images twice from nothing and show the first difference.",
        builds=True,
    ),
    "repro": Entry(
        path="ci.cli.repro:repro",
        group=Group.check,
        summary="Rebuild the images of another run's report and compare the results.",
        builds=True,
    ),
    "verify-engines": Entry(
        path="ci.cli.verify_engines:verify_engines",
        group=Group.check,
        summary="Build images with two engines and show every difference.",
        builds=True,
    ),
    "publish": Entry(
        path="ci.cli.publish:publish",
        group=Group.registry,
        summary="Release all images in a registry, then move the tags to the release.",
        builds=True,
    ),
    "verify": Entry(
        path="ci.cli.publish:verify",
        group=Group.registry,
        summary="Show every tag that does not point to the image of its release.",
    ),
    "promote": Entry(
        path="ci.cli.publish:promote",
        group=Group.registry,
        summary="Copy a release from namespace FROM to namespace TO, by digest.",
        builds=True,
    ),
    "rollback": Entry(
        path="ci.cli.publish:rollback",
        group=Group.registry,
        summary="Make an earlier release the current one and move the tags back.",
    ),
    "doctor": Entry(
        path="ci.cli.doctor.command:doctor",
        group=Group.machine,
        summary="Show what this machine can do, what is missing, and what to type.",
    ),
    "gc": Entry(
        path="ci.cli.gc:gc",
        group=Group.machine,
        summary="Show what can be deleted to free disk space; delete it with --yes.",
    ),
    "completion": Entry(
        path="ci.cli.completion.command:completion",
        group=Group.machine,
        summary="Print the completion script for bash, zsh or fish.",
    ),
    "test": Entry(
        path="ci.cli.test:test",
        group=Group.machine,
        summary="Run dockwright's own lint and type checks and its tests.",
    ),
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
    return asked == "auto" or (asked in BY_NAME and BY_NAME[asked].debian_packages != "never")


@contextmanager
def _without_secrets() -> Iterator[None]:
    try:
        yield
    except click.ClickException as error:
        error.message = redacted(error.message)  # type: ignore[misc]
        raise


class Commands(click.Group):
    """A group that knows its commands by name and imports the one that is used."""

    ARGS: ClassVar[str] = "dockwright.args"
    """Where the words after the command's name stand in the context's `meta`."""

    def make_context(self, *args: Any, **more: Any) -> click.Context:
        """Parse the command line; what is wrong with it is reported without secrets."""
        with _without_secrets():
            return super().make_context(*args, **more)

    def invoke(self, ctx: click.Context) -> Any:
        """Parse the words of the command and run it, likewise."""
        with _without_secrets():
            return super().invoke(ctx)

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
        if name not in COMMANDS and ctx.resilient_parsing:
            return name, None, args
        if name not in COMMANDS:
            close = get_close_matches(name, COMMANDS, n=1)
            hint = f"; did you mean {close[0]!r}?" if close else "."
            raise UsageError(f"no command {name!r}{hint} Known: {', '.join(COMMANDS)}")
        ctx.meta[self.ARGS] = args[1:]
        return super().resolve_command(ctx, args)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem[str]]:
        """Return the commands and options that begin with `incomplete`, without importing a command."""
        commands = [
            CompletionItem(name, help=entry.summary)
            for name, entry in COMMANDS.items()
            if name.startswith(incomplete)
        ]
        return [*commands, *click.Command.shell_complete(self, ctx, incomplete)]

    def format_commands(
        self,
        ctx: click.Context,  # noqa: ARG002 as above
        formatter: click.HelpFormatter,
    ) -> None:
        """Write the list of commands without importing one."""
        width = max(map(len, COMMANDS))
        for group in Group:
            rows = [
                (name.ljust(width), entry.summary) for name, entry in COMMANDS.items() if entry.group is group
            ]
            with formatter.section(group.value):
                formatter.write_dl(rows)
