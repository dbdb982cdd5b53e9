"""JSON and TOML of others as values: of bounded depth, with numbers that every reader has. Pure."""

from __future__ import annotations

import json
import math
import re
import tomllib
from typing import Any

DEPTH = 64
"""How deep lists and tables may be nested; nothing of ours is deeper than 8."""
PARTS = 8
"""How many parts a dotted key of TOML may have; nothing of ours has more than 4."""
INTEGERS = range(-(2**63), 2**64)

# Text of TOML between what gives it its structure; an unfinished string is left to the parser to refuse.
# Every alternative takes what it can at once, so that no text is read twice.
_TOKEN = re.compile(
    r'"""(?:[^"\\]|\\.|"(?!""))*+(?:""")?'
    r"|'''(?:[^']|'(?!''))*+(?:''')?"
    r'|"(?:[^"\\\n]|\\.)*+"?'
    r"|'[^'\n]*+'?"
    r"|#[^\n]*+"
    r"|[\[\]{}.,=\n]",
    re.DOTALL,
)
_SURROGATE = re.compile(r"\\ud[89a-f]", re.IGNORECASE)


class MalformedError(ValueError):
    """A text is not JSON or TOML, or exceeds a bound; the message says what is wrong, without a name.

    Attributes:
        where: `line 3`, or the key of a value; empty where it is not known.
    """

    def __init__(self, message: str, where: str = "") -> None:
        self.where = where
        super().__init__(message)


def parse_json(text: str | bytes, *, unique: bool = False, finite: bool = True) -> Any:
    """Return the value of a JSON text in UTF-8.

    Its depth is at most `DEPTH`, its integers are in `INTEGERS`, its other numbers finite, its texts have no
    half of a surrogate pair. So it can be written again, and walked without care. With `unique`, a name that
    stands twice in one object is refused; without `finite`, numbers may be infinite or none.

    Raises:
        MalformedError: it is no such text.
    """
    try:
        if isinstance(text, bytes):
            text = text.decode("utf-8-sig")
        pairs = _unique if unique else None
        refuse = _refuse_constant if finite else None
        value = json.loads(text, parse_constant=refuse, object_pairs_hook=pairs)
    except RecursionError as error:
        raise MalformedError(_DEEP) from error
    except json.JSONDecodeError as error:
        raise MalformedError(
            f"not JSON: {error.msg[:1].lower()}{error.msg[1:]}", f"line {error.lineno}"
        ) from error
    except UnicodeDecodeError as error:
        raise MalformedError("not UTF-8") from error
    except MalformedError:
        raise
    except ValueError as error:  # Python's own limit of the digits of an integer
        raise MalformedError(_LONG) from error
    _check(value, json_text=finite, halves=_SURROGATE.search(text) is not None)
    return value


def parse_object(text: str | bytes, *, unique: bool = False) -> dict[str, Any]:
    """Return the value of a JSON text that has an object at its top, as `parse_json`.

    Raises:
        MalformedError: it is no such text.
    """
    value = parse_json(text, unique=unique)
    if not isinstance(value, dict):
        raise MalformedError(f"not a JSON object, but {type(value).__name__}")
    return value


def parse_toml(text: str) -> dict[str, Any]:
    """Return the table of a TOML text; its bounds are those of `parse_json`.

    Raises:
        MalformedError: it is no such text; with the line, except for a number.

    Source: TOML 1.0.0: integers have 64 bits. Its reader in Python takes time and memory that grow with the
    square of a dotted key's parts, so those are counted before.
    """
    _check_structure(text)
    try:
        value = tomllib.loads(text)
    except RecursionError as error:
        raise MalformedError(_DEEP) from error
    except tomllib.TOMLDecodeError as error:
        what, _, where = str(error).partition(" (at ")
        line = re.match(r"line (\d+)", where)
        number = line[1] if line else text.count("\n") + 1
        raise MalformedError(f"not TOML: {what[:1].lower()}{what[1:]}", f"line {number}") from error
    except ValueError as error:
        raise MalformedError(_LONG) from error
    _check(value)
    return value


_DEEP = f"nested deeper than {DEPTH} levels"
_LONG = "an integer of more than 64 bits"


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise MalformedError("an object with the same name twice")
    return found


def _refuse_constant(name: str) -> None:
    raise MalformedError(f"not JSON: {name} is no number")


def _check(value: Any, *, json_text: bool = False, halves: bool = False) -> None:
    """Check a value level by level, so that its depth is counted and not followed."""
    level: list[tuple[str, Any]] = [("", value)]
    for depth in range(DEPTH + 1):
        below: list[tuple[str, Any]] = []
        for where, one in level:
            if depth == DEPTH and isinstance(one, dict | list):
                raise MalformedError(_DEEP)
            if isinstance(one, dict):
                below.extend((f"{where}.{key}" if where else key, inner) for key, inner in one.items())
            elif isinstance(one, list):
                below.extend((f"{where}[{index}]", inner) for index, inner in enumerate(one))
            elif isinstance(one, int) and one not in INTEGERS:
                raise MalformedError(_LONG, where)
            elif json_text and isinstance(one, float) and not math.isfinite(one):
                raise MalformedError("a number that is too large", where)
            elif halves and isinstance(one, str):
                _check_text(one)
        if halves:
            for where, _ in below:
                _check_text(where)
        level = below


def _check_text(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise MalformedError("a text with half of a surrogate pair") from error


def _check_structure(text: str) -> None:
    depth = parts = 0
    for token in _TOKEN.finditer(text):
        match token[0]:
            case "[" | "{":
                depth, parts = depth + 1, 0
            case "]" | "}":
                depth, parts = depth - 1, 0
            case ".":
                parts += 1
            case "," | "=" | "\n":
                parts = 0
            case _:
                continue
        if depth > DEPTH or parts >= PARTS:
            what = _DEEP if depth > DEPTH else f"a key of more than {PARTS} parts"
            raise MalformedError(what, f"line {text.count(chr(10), 0, token.start()) + 1}")
