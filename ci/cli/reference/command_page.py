"""The page of a command, made of the same texts as its `--help`."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

import click

from ci.cli.commands import COMMANDS
from ci.cli.main import cli
from ci.cli.reference.exit_codes import ALWAYS, EXIT_CODES, exit_codes
from ci.cli.reference.markdown import block, code, page, table


def command_page(name: str) -> str:
    """Return the page of the command `name`: usage, description, options and exit codes."""
    command = COMMANDS[name].load()
    context = click.Context(command, parent=click.Context(cli, info_name="dockwright"), info_name=name)
    usage = " ".join(command.collect_usage_pieces(context))
    summary, *paragraphs = description(command)
    return page(
        f"dockwright {name}",
        [
            summary,
            block(f"./dockwright {name} {usage}".rstrip(), "sh"),
            *paragraphs,
            ["## Options"],
            option_table(command, context),
            ["## Exit codes"],
            table(("Code", "Meaning"), [(str(n), text) for n, text in exit_codes(name).items()]),
        ],
    )


def program_parts() -> list[list[str]]:
    """Return the usage and options of `dockwright` itself, and all exit codes."""
    context = click.Context(cli, info_name="dockwright")
    return [
        block("./dockwright [OPTIONS] COMMAND ...", "sh"),
        ["## Options before the command"],
        option_table(cli, context),
        ["## Exit codes"],
        [f"Codes {', '.join(map(str, ALWAYS[:-1]))} and {ALWAYS[-1]} are common to all commands."],
        table(("Code", "Meaning"), [(str(n), text) for n, text in EXIT_CODES.items()]),
    ]


def description(command: click.Command) -> Iterator[list[str]]:
    r"""Yield the paragraphs of a command's help; one that starts with `\b` is a block of code."""
    for paragraph in inspect.cleandoc(command.help or "").split("\n\n"):
        first, _, rest = paragraph.partition("\n")
        yield block(rest, "sh") if first == "\b" else paragraph.splitlines()


def option_table(command: click.Command, context: click.Context) -> list[str]:
    """Return the table of a command's options, in the order of its `--help`."""
    options = [param for param in command.get_params(context) if isinstance(param, click.Option)]
    rows = [
        (", ".join(map(code, (*one.opts, *one.secondary_opts))), value_text(one, context), help_text(one))
        for one in options
        if not one.hidden
    ]
    return table(("Option", "Value", "Meaning"), rows)


def value_text(option: click.Option, context: click.Context) -> str:
    """Return which values an option takes; empty for a flag."""
    if option.is_flag or option.count:
        return ""
    match option.type:
        case click.Choice(choices=choices):
            return ", ".join(code(str(choice)) for choice in choices)
        case click.IntRange() | click.FloatRange() as number:
            low = "" if number.min is None else f", at least {number.min}"
            return f"{code(option.metavar or 'NUMBER')}{low}"
        case _:
            return code(option.make_metavar(context))


def help_text(option: click.Option) -> str:
    """Return the help of an option, with its default where `--help` shows it and its variable."""
    text = " ".join((option.help or "").split())
    if option.show_default and option.default is not None:
        text += f" Default: {option.default}."
    if option.envvar:
        text += f" Also set by {option.envvar}."
    return text
