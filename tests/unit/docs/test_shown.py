"""What the documents for users show exists: commands and their options, exit codes, the graph."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from html import unescape

import click
import pytest

import ci.errors
from ci.catalog.load import load_stack
from ci.cli.commands import COMMANDS
from ci.cli.main import cli
from ci.plan.drawing import UNICODE, tree_lines
from ci.plan.plan import select
from tests.unit.docs.pages import PAGES, ROOT

README = PAGES["README.md"]
FOR_USERS = {path: text for path, text in PAGES.items() if re.fullmatch(r"README\.md|docs/[^/]*\.md", path)}
BLOCK = re.compile(r"^```(?:sh|console)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"`(\./dockwright [^`]*)`")


def typed(text: str) -> Iterator[list[str]]:
    """Yield the words after `./dockwright` of each command that a page shows."""
    lines = [line for block in BLOCK.findall(text) for line in block.splitlines()]
    for line in (*lines, *SPAN.findall(text)):
        found = re.match(r"(?:\$ )?(?:unshare -n )?\./dockwright (.*)", line)
        if found:
            yield shlex.split(found[1].partition(" | ")[0], comments=True)


def parsed(words: list[str]) -> None:
    """Let click parse a command as it is shown; nothing of it runs.

    Raises:
        click.ClickException: the command does not exist, or does not take these words.
    """
    with click.Context(cli, info_name="dockwright") as top:
        rest = list(words)
        while rest and rest[0] in {"--stack", "--root"}:
            del rest[:2]
        name, arguments = rest[0], rest[1:]
        command = cli.get_command(top, name)
        if command is None:
            raise click.UsageError(f"no command {name}")
        parser = command.make_parser(click.Context(command, parent=top, info_name=name))
        parser.parse_args(arguments)


@pytest.mark.parametrize("page", FOR_USERS)
def test_every_command_on_a_page_can_be_typed(page: str) -> None:
    for words in typed(FOR_USERS[page]):
        parsed(words)


@pytest.mark.parametrize("words", [["no-such-command"], ["plan", "--no-such-option"]])
def test_a_command_that_cannot_be_typed_is_found(words: list[str]) -> None:
    with pytest.raises(click.ClickException):
        parsed(words)


def test_pages_show_most_commands() -> None:
    shown = {
        next(word for word in words if word in COMMANDS)
        for text in FOR_USERS.values()
        for words in typed(text)
    }
    assert set(COMMANDS) - shown <= {"completion", "schema"}


def test_the_readme_is_short_and_has_the_graph_of_the_stack() -> None:
    assert len(README.splitlines()) <= 150
    stack = load_stack(ROOT / "docker", "optional")
    tree = [line.rstrip() for line in tree_lines(stack, select(stack, (), ()), UNICODE)]
    assert "\n".join(tree) in README


def test_the_picture_of_the_stack_has_every_image() -> None:
    picture = (ROOT / "docs/assets/graph.svg").read_text(encoding="utf-8")
    titles = {unescape(title) for title in re.findall(r"<title>(.*)</title>", picture)}
    stack = load_stack(ROOT / "docker", "optional")
    drawn = {title for title in titles if ":" in title and "->" not in title}
    assert drawn == {"outside:python", *select(stack, (), ())}


def test_every_exit_code_is_explained() -> None:
    rows = re.findall(r"^\| (\d+) \|", PAGES["docs/troubleshooting.md"], re.MULTILINE)
    listed = {int(code) for code in rows}
    errors = [
        error
        for error in vars(ci.errors).values()
        if isinstance(error, type) and issubclass(error, ci.errors.DockwrightError)
    ]
    assert {error.exit_code for error in errors} <= listed
