"""The JSON schema that editors read."""

from __future__ import annotations

import tomllib
from pathlib import Path

import jsonschema
import pytest

from ci.catalog.schema import image_schema
from tests.unit.catalog.folder import BASE, TOOL

IMAGES = sorted(Path(__file__).parents[3].glob("docker/*/image.toml"))


def test_the_schema_is_one() -> None:
    schema = image_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert "$id" not in schema


def test_every_key_says_what_it_is_for() -> None:
    schema = image_schema()
    tables = [schema, *schema["$defs"].values()]
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
