"""The page of a TOML file, made of its pydantic model."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, RootModel
from pydantic.fields import FieldInfo

from ci.catalog.document import Example
from ci.cli.reference.markdown import block, code, page, table

LONGEST = 60
"""Longest pattern that is shown."""
SIMPLE: Mapping[Any, str] = {str: "text", int: "integer", float: "number", bool: "boolean"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table of a TOML file: its header in the file (empty at the top), and its model."""

    header: str
    model: type[BaseModel]


def model_page(file: str, model: type[BaseModel]) -> str:
    """Return the page of the TOML file `file`, whose model is `model`: a section for each of its tables."""
    parts: list[list[str]] = [] if _root(model) is None else [[inspect.cleandoc(model.__doc__ or "")]]
    for one in tables(model):
        parts += [[f"## {code(one.header)}"]] if one.header else []
        parts += [[inspect.cleandoc(one.model.__doc__ or "")], key_table(one.model)]
        parts += [example(one)] if example(one) else []
    return page(file, parts)


def tables(model: type[BaseModel], header: str = "") -> Iterator[Table]:
    """Yield the tables of a file, each before those within it."""
    if (root := _root(model)) is not None:
        yield from tables(root, f"{header}[NAME]")
        return
    yield Table(header=header, model=model)
    name = header.strip("[]")
    for key, field in model.model_fields.items():
        path = f"{name}.{key}" if name else key
        headers: dict[Any, str] = {list: f"[[{path}]]", dict: f"[{path}.NAME]"}
        for inner in _models(field):
            yield from tables(inner, headers.get(get_origin(field.annotation), f"[{path}]"))


def key_table(model: type[BaseModel]) -> list[str]:
    """Return the table of a model's keys: type, default, meaning."""
    properties = model.model_json_schema()["properties"]
    rows = [
        (
            code(key),
            type_text(field.annotation),
            default_text(field, properties[key]),
            meaning(field, properties[key]),
        )
        for key, field in model.model_fields.items()
    ]
    return table(("Key", "Type", "Default", "Meaning"), rows)


def type_text(annotation: Any) -> str:
    """Return a type in words."""
    if annotation in SIMPLE:
        return SIMPLE[annotation]
    origin, args = get_origin(annotation), get_args(annotation)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return "table"
    if origin is list:
        return f"list of {type_text(args[0])}s".replace("of list of", "of lists of").replace("ss", "s")
    if origin is dict:
        return f"table of {type_text(args[1])}s"
    if hasattr(annotation, "__metadata__"):
        return type_text(annotation.__origin__)
    if origin is Literal:
        return ", ".join(code(str(value)) for value in args if value != "")
    if origin in (Union, UnionType):
        return type_text(next(arg for arg in args if arg is not type(None)))
    return str(getattr(annotation, "__name__", annotation)).lower()


def default_text(field: FieldInfo, schema: Mapping[str, Any]) -> str:
    """Return a default as TOML; `required` where there is none, empty where it is an empty table."""
    if field.is_required() or "minProperties" in schema:
        return "required"
    value = field.get_default(call_default_factory=True, validated_data={})
    return "" if isinstance(value, BaseModel) or value is None else code(json.dumps(value))


def meaning(field: FieldInfo, schema: Mapping[str, Any]) -> str:
    """Return a key's description with its constraints."""
    found = [field.description or "", *constraints(schema)]
    return " ".join(part for part in found if part)


def constraints(schema: Mapping[str, Any]) -> Iterator[str]:
    """Yield what a value must be, each as a sentence."""
    if "enum" in schema:
        yield f"One of {', '.join(map(code, schema['enum']))}."
    if schema.get("exclusiveMinimum") == 0 or schema.get("additionalProperties", {}) == {
        "exclusiveMinimum": 0,
        "type": "number",
    }:
        yield "Greater than 0."
    if "minimum" in schema:
        yield f"At least {schema['minimum']}."
    if schema.get("minItems") == 1 or "minProperties" in schema:
        yield "At least one entry."
    if len(schema.get("pattern", "")) > LONGEST:
        return  # the description has it in words
    if "pattern" in schema:
        yield f"Pattern: {code(schema['pattern'])}."
    elif schema.get("minLength") == 1:
        yield "Not empty."
    for name, what in (("items", "each entry"), ("propertyNames", "each name")):
        if 0 < len(schema.get(name, {}).get("pattern", "")) <= LONGEST:
            yield f"Pattern of {what}: {code(schema[name]['pattern'])}."


def example(one: Table) -> list[str]:
    """Return an example of a table, as TOML; empty where its model has no examples."""
    found = {key: example_of(field) for key, field in one.model.model_fields.items()}
    lines = [f"{key} = {text}" for key, text in found.items() if text]
    header = one.header.replace("variant.NAME", "variant.cuda").replace("NAME", "python")
    return block("\n".join([header] * bool(header) + lines), "toml") if lines else []


def example_of(field: FieldInfo) -> str:
    """Return the example of a key; empty where it has none."""
    return next((one.toml for one in field.metadata if isinstance(one, Example)), "")


def _root(model: type[BaseModel]) -> type[BaseModel] | None:
    """Return the model of the tables of a file that is a table of tables, else None."""
    if not issubclass(model, RootModel):
        return None
    (inner,) = _models(model.model_fields["root"])
    return inner


def _models(field: FieldInfo) -> list[type[BaseModel]]:
    """Return the model of the tables that a key holds, if it holds any."""
    found = (field.annotation, *get_args(field.annotation))
    return [one for one in found if isinstance(one, type) and issubclass(one, BaseModel)]
