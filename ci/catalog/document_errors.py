"""What pydantic finds wrong with a document: said as mistakes, then taken out of its table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, get_args, get_origin

from pydantic import BaseModel, RootModel
from pydantic_core import ErrorDetails

from ci.catalog.validation_errors import ValidationErrors, suggestion

Path = tuple[int | str, ...]
"""The keys and list indices that lead to a value, from the top of the table."""

_WANTED = {
    "string_type": "a text in quotes",
    "int_type": "a whole number",
    "bool_type": "true or false",
    "list_type": "a list in [ ]",
    "dict_type": "a table",
    "model_type": "a table",
}
_STAND_INS: dict[object, tuple[str, Any]] = {
    str: ("a text in quotes", "xx"),
    int: ("a whole number", 1),
    list: ("a list in [ ]", ["xx"]),
}


def report_errors(
    mistakes: ValidationErrors, file: str, model: type[BaseModel], faults: Sequence[ErrorDetails]
) -> None:
    """Note each of pydantic's `faults` of a document of the kind `model`."""
    for fault in faults:
        path = fault["loc"]
        key = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
        mistakes.add(file, key.removeprefix("."), _sentence(model, path, fault))


def mend(table: dict[str, Any], model: type[BaseModel], faults: Sequence[ErrorDetails]) -> None:
    """Take wrong values out of `table`, and put a stand-in where one is missing.

    An entry of a list that lacks a key goes as a whole: nobody knows what it would have been.
    """
    doomed: dict[Path, None] = {}
    for fault in faults:
        path = fault["loc"]
        if fault["type"] != "missing":
            doomed[path] = None
        elif any(isinstance(part, int) for part in path):
            doomed[path[:-1]] = None
        else:
            _, stand_in = _STAND_INS.get(_kind(_at(model, path)), ("", {}))
            _holder(table, path)[path[-1]] = stand_in
    for path in reversed(doomed):
        if not any(path[:length] in doomed for length in range(1, len(path))):
            del _holder(table, path)[path[-1]]


def _sentence(model: type[BaseModel], path: Path, fault: ErrorDetails) -> str:
    kind = fault["type"]
    if kind == "extra_forbidden":
        parent = _at(model, path[:-1])
        known = parent.model_fields if isinstance(parent, type) and issubclass(parent, BaseModel) else ()
        return f"unknown key '{path[-1]}'; {suggestion(str(path[-1]), known)}"
    if kind == "missing":
        wanted, _ = _STAND_INS.get(_kind(_at(model, path)), ("a table", {}))
        return f"missing; add {wanted}"
    if kind in _WANTED:
        return f"{fault['input']!r} is of the wrong type; write {_WANTED[kind]}"
    return f"{fault['msg'][:1].lower()}{fault['msg'][1:]}; correct it"


def _holder(table: dict[str, Any], path: Path) -> Any:
    at: Any = table
    for part in path[:-1]:
        at = at[part]
    return at


def _kind(annotation: object) -> object:
    return get_origin(annotation) or annotation


def _at(model: type[BaseModel], path: Path) -> object:
    """Return the annotation of the place that `path` leads to; None where the model has no such place."""
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
