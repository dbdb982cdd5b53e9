"""The errors that pydantic finds in a document: reported, then removed from its table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, get_args, get_origin

from pydantic import BaseModel, RootModel
from pydantic_core import ErrorDetails

from ci.catalog.validation_errors import Invalid, Suggestion, ValidationErrors

Path = tuple[int | str, ...]
"""The keys and list indices that lead to a value, from the top of the table."""

_EXPECTED = {
    "string_type": "a text in quotes",
    "int_type": "a whole number",
    "bool_type": "true or false",
    "list_type": "a list in [ ]",
    "dict_type": "a table",
    "model_type": "a table",
}
_PLACEHOLDERS: dict[object, tuple[str, Any]] = {
    str: ("a text in quotes", "xx"),
    int: ("a whole number", 1),
    list: ("a list in [ ]", ["xx"]),
}


def report_errors(
    errors: ValidationErrors, file: str, model: type[BaseModel], details: Sequence[ErrorDetails]
) -> None:
    """Add each of pydantic's errors in a document of the kind `model`."""
    for one in details:
        path = one["loc"]
        key = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
        errors.add(file, key.removeprefix("."), *_sentence(model, path, one))


def mend(table: dict[str, Any], model: type[BaseModel], details: Sequence[ErrorDetails]) -> None:
    """Remove invalid values from `table`, and add a placeholder where one is missing.

    An entry of a list that lacks a key is removed as a whole, since its meaning is not known.
    """
    removed: dict[Path, None] = {}
    for one in details:
        path = one["loc"]
        if one["type"] != "missing":
            removed[path] = None
        elif any(isinstance(part, int) for part in path):
            removed[path[:-1]] = None
        else:
            _, placeholder = _PLACEHOLDERS.get(_kind(_at(model, path)), ("", {}))
            _holder(table, path)[path[-1]] = placeholder
    for path in reversed(removed):
        if not any(path[:length] in removed for length in range(1, len(path))):
            del _holder(table, path)[path[-1]]


def _sentence(model: type[BaseModel], path: Path, error: ErrorDetails) -> Invalid:
    kind = error["type"]
    if kind == "extra_forbidden":
        parent = _at(model, path[:-1])
        known = parent.model_fields if isinstance(parent, type) and issubclass(parent, BaseModel) else ()
        return f"unknown key '{path[-1]}'", Suggestion(str(path[-1]), known)
    if kind == "missing":
        expected, _ = _PLACEHOLDERS.get(_kind(_at(model, path)), ("a table", {}))
        return "missing", f"add {expected}"
    if kind in _EXPECTED:
        return f"{_shown(error['input'])} has the wrong type", f"write {_EXPECTED[kind]}"
    message = error["msg"].removeprefix("Input ")
    return f"{_shown(error['input'])} is not valid", f"it {message[:1].lower()}{message[1:]}"


def _shown(value: object) -> str:
    """Return a value as an error quotes it; of a large table or list only what it is."""
    if isinstance(value, dict | list) and len(value) > 10:
        return "this table" if isinstance(value, dict) else "this list"
    return repr(value)


def _holder(table: dict[str, Any], path: Path) -> Any:
    at: Any = table
    for part in path[:-1]:
        at = at[part]
    return at


def _kind(annotation: object) -> object:
    return get_origin(annotation) or annotation


def _at(model: type[BaseModel], path: Path) -> object:
    """Return the annotation of the value that `path` leads to; None where the model has no such value."""
    at: object = model
    for part in path:
        if isinstance(at, type) and issubclass(at, RootModel):
            at = at.model_fields["root"].annotation
        if isinstance(at, type) and issubclass(at, BaseModel):
            field = at.model_fields.get(str(part))
            at = field.annotation if field else None
        else:
            at = (get_args(at) or (None,))[-1]
    return at
