"""The JSON schema that editors read."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from ci.catalog.schema import bases_schema, image_schema, stack_schema
from tests.unit.catalog.folder import BASE, OUTSIDE, STACK, TOOL

IMAGES = sorted(Path(__file__).parents[3].glob("docker/*/image.toml"))


SCHEMAS = (image_schema, stack_schema, bases_schema)


@pytest.mark.parametrize("schema_of", SCHEMAS)
def test_the_schema_is_one(schema_of: Callable[[], dict[str, Any]]) -> None:
    schema = schema_of()
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert "$id" not in schema


@pytest.mark.parametrize("schema_of", SCHEMAS)
def test_every_key_says_what_it_is_for(schema_of: Callable[[], dict[str, Any]]) -> None:
    schema = schema_of()
    tables = [table for table in (schema, *schema["$defs"].values()) if "properties" in table]
    assert tables
    for table in tables:
        assert table["title"]
        assert table["description"]
        assert table["additionalProperties"] is False
        for key, field in table["properties"].items():
            assert field.get("description") or "$ref" in field, key


@pytest.mark.parametrize("path", IMAGES, ids=lambda path: path.parent.name)
def test_every_image_of_the_reference_stack_fits(path: Path) -> None:
    jsonschema.validate(tomllib.loads(path.read_text()), image_schema())


def test_the_images_of_the_tests_fit() -> None:
    for text in (BASE, TOOL):
        jsonschema.validate(tomllib.loads(text), image_schema())


def test_the_stack_files_of_the_reference_stack_and_of_the_tests_fit() -> None:
    docker = Path(__file__).parents[3] / "docker"
    for text in (STACK, (docker / "stack.toml").read_text()):
        jsonschema.validate(tomllib.loads(text), stack_schema())
    for text in (OUTSIDE.format(digest="d" * 64), (docker / "bases.lock.toml").read_text()):
        jsonschema.validate(tomllib.loads(text), bases_schema())


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('base = "auto"', 'base = "debian"'),
        ('python = "3.11"', 'python = "3"'),
        ('namespace = "team/small"', 'namespace = "Team"'),
        ("uid = 1000", "uid = 0"),
        ('variants = ["cpu", "cuda"]', "variants = []"),
        ("[user]", "[users]"),
    ],
)
def test_an_editor_marks_what_is_wrong_with_a_stack(old: str, new: str) -> None:
    assert old in STACK
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(tomllib.loads(STACK.replace(old, new)), stack_schema())


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('title = "Tool"', 'titel = "Tool"'),
        ("[parent]\n", "[parents]\n"),
        ('cpu = "base"', ""),
        ('"/opt/app/"', '"/etc/"\nmode = "0644"'),
        ('"/opt/app/"', '"/opt/app/"\nmode = "4755"'),
        ("[parent]\n", 'env = { "1A" = "x" }\n[parent]\n'),
        ("[parent]\n", 'apt = ["A B"]\n[parent]\n'),
    ],
)
def test_an_editor_marks_what_is_wrong(old: str, new: str) -> None:
    assert old in TOOL
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(tomllib.loads(TOOL.replace(old, new)), image_schema())
