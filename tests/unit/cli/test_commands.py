from __future__ import annotations

import click
import pytest

from ci.cli.commands import COMMANDS, builds_here, own_words
from ci.cli.main import cli


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
