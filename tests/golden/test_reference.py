"""docs/reference/ is what the commands, the models of the TOML files and the settings say."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from pydantic import BaseModel

from ci.catalog.document import Document, ExternalBasesDocument, ImageDocument, StackDocument
from ci.cli.commands import COMMANDS
from ci.cli.reference.exit_codes import EXIT_CODES, MEANINGS, OTHERS, exit_codes
from ci.cli.reference.model_page import example_of, tables
from ci.cli.reference.pages import pages
from ci.errors import DockwrightError

FOLDER = Path(__file__).parents[2] / "docs" / "reference"
TABLES = [one.model for file in (StackDocument, ImageDocument, ExternalBasesDocument) for one in tables(file)]


def test_every_page_is_fresh_and_no_other_is_there() -> None:
    found = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.iterdir()}
    stale = sorted(name for name in {**pages(), **found} if found.get(name) != pages().get(name))
    assert stale == [], "run `.venv/bin/python -m ci.cli.reference`"


def test_every_option_of_a_command_is_on_its_page_with_its_help() -> None:
    page = pages()["build-all.md"]
    assert "| `--jobs` | `NUMBER`, at least 1 | Tasks to run in parallel. Default: one per core. |" in page
    assert "| `--engine` | `auto`, `buildah`, `podman`, `docker`, `dagger` | Engine to build with." in page
    assert "./dockwright build-all [OPTIONS]\n" in page


def test_a_paragraph_of_commands_is_a_block_of_code() -> None:
    assert "```sh\ndockwright graph --svg > stack.svg\n```" in pages()["graph.md"]


def test_the_overview_links_every_page() -> None:
    overview = pages()["index.md"]
    assert [name for name in pages() if name != "index.md" and f"({name})" not in overview] == []


@pytest.mark.parametrize("model", TABLES, ids=lambda model: model.__name__)
def test_every_key_of_a_file_has_a_meaning_and_a_valid_example(model: type[BaseModel]) -> None:
    assert issubclass(model, Document)
    assert model.__doc__
    for key, field in model.model_fields.items():
        assert (field.description or "").endswith("."), key
    lines = [
        f"{key} = {example}" for key, field in model.model_fields.items() if (example := example_of(field))
    ]
    own = {key for key, field in model.model_fields.items() if "Table" not in str(field.annotation)}
    assert {line.partition(" ")[0] for line in lines} == own
    if own == set(model.model_fields):
        model.model_validate(tomllib.loads("\n".join(lines)))


def test_the_exit_codes_are_those_of_the_errors() -> None:
    classes = [DockwrightError]
    for one in classes:
        classes += one.__subclasses__()
    assert {one.exit_code for one in classes} | {0, 70, 130} == set(EXIT_CODES)


def test_every_command_has_exit_codes_and_says_no_more_than_they_are() -> None:
    assert list(OTHERS) == list(COMMANDS)
    for name, meanings in MEANINGS.items():
        assert set(meanings) <= set(exit_codes(name)), name
