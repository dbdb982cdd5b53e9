from __future__ import annotations

import click
import pytest

from ci.cli.commands import COMMANDS, Group, builds_here, own_words
from ci.cli.main import cli

VERBS = "Build Check Compare Copy Download Draw Make Open Pin Print Rebuild Release Run Show Write"


@pytest.mark.parametrize("name", COMMANDS)
def test_a_commands_line_on_the_help_page_is_its_own_first_sentence(name: str) -> None:
    command = COMMANDS[name].load()
    assert (command.help or "").strip().splitlines()[0] == COMMANDS[name].summary
    assert command.name == name


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_of_a_command_says_what_it_does(name: str) -> None:
    options = [param for param in COMMANDS[name].load().params if isinstance(param, click.Option)]
    assert [option.name for option in options if not option.help] == []


def test_the_help_page_lists_every_command_in_order() -> None:
    assert cli.list_commands(click.Context(cli)) == list(COMMANDS)


def test_the_help_page_has_each_command_once_below_the_heading_of_its_group() -> None:
    lines = cli.get_help(click.Context(cli)).splitlines()
    headings = {f"{group.value}:": group for group in Group}
    found: list[tuple[str, Group]] = []
    group = None
    for line in lines:
        group = headings.get(line, group)
        name = line[2:].split(" ")[0]
        if group is not None and line.startswith("  ") and name:
            found.append((name, group))
    assert found == [(name, entry.group) for name, entry in COMMANDS.items()]


def test_the_commands_stand_in_the_order_of_the_groups() -> None:
    order = [list(Group).index(entry.group) for entry in COMMANDS.values()]
    assert order == sorted(order)
    assert set(order) == set(range(len(Group)))


@pytest.mark.parametrize("name", COMMANDS)
def test_a_commands_line_is_an_imperative_sentence_that_fits(name: str) -> None:
    summary = COMMANDS[name].summary
    first, _, _ = summary.partition(" ")
    assert summary.endswith(".")
    assert first in VERBS.split(" ")
    assert len(summary) < 84  # a line of 100 columns, with the names before it


@pytest.mark.parametrize(
    ("name", "args", "setting", "builds"),
    [
        ("build-all", [], "auto", True),
        ("build-all", ["--variant", "cpu"], "buildah", True),
        ("build-all", [], "docker", False),
        ("build-all", ["--engine", "docker"], "auto", False),
        ("build-all", ["--engine=podman"], "auto", False),
        ("build-all", ["--engine", "buildah"], "docker", True),
        ("build-all", ["--help"], "auto", False),
        ("build-all", ["--dry-run"], "auto", False),
        ("build", ["mux"], "auto", True),
        ("wheelhouse", [], "auto", True),
        ("lock", [], "auto", True),
        ("lock", [], "docker", True),
        ("lock", ["--check"], "auto", False),
        ("repro", ["report.json"], "auto", True),
        ("shell", ["asr:cpu"], "auto", True),
        ("plan", [], "auto", False),
        ("doctor", [], "auto", False),
        ("test", [], "auto", False),
        ("test", ["--engine"], "auto", True),
        ("test", ["--engine-only"], "auto", True),
    ],
)
def test_only_what_builds_needs_the_embedded_engine(
    name: str, args: list[str], setting: str, builds: bool
) -> None:
    assert builds_here(name, args, setting) is builds


def test_words_after_two_dashes_are_not_the_commands_own() -> None:
    assert own_words(["asr", "--", "ls", "--help"]) == ["asr"]
    assert own_words(["asr", "--help"]) == ["asr", "--help"]
