import json
import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ci.bounded.parse import DEPTH, PARTS, MalformedError, parse_json, parse_object, parse_toml

LEAVES = st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.text() | st.floats(allow_nan=False)
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20
)


@given(value=VALUES)
def test_what_json_writes_is_read_back(value: Any) -> None:
    text = json.dumps(value)
    if "Infinity" in text or "\\ud" in text:
        return
    assert parse_json(text) == value


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("[" * 200_000, "nested deeper than 64 levels"),
        ("[" * (DEPTH + 1) + "]" * (DEPTH + 1), "nested deeper than 64 levels"),
        ('{"a":' * 900 + "1" + "}" * 900, "nested deeper than 64 levels"),
        ("1" * 5000, "an integer of more than 64 bits"),
        ('{"size": -1' + "0" * 400 + "}", "an integer of more than 64 bits"),
        ("[1e999]", "a number that is too large"),
        ("NaN", "not JSON: NaN is no number"),
        (r'{"a": "\ud800"}', "a text with half of a surrogate pair"),
        (r'{"\ud800": 1}', "a text with half of a surrogate pair"),
        (b"\xff", "not UTF-8"),
        ("", "not JSON: expecting value"),
        ("\0", "not JSON: expecting value"),
    ],
)
def test_json_beyond_a_bound_is_one_error(text: str | bytes, what: str) -> None:
    with pytest.raises(MalformedError, match=f"^{what}$"):
        parse_json(text)


def test_json_at_the_bounds_is_read() -> None:
    assert parse_json("[" * DEPTH + "]" * DEPTH)
    assert parse_json(r'["\ud83d\ude00", 18446744073709551615]') == ["😀", 2**64 - 1]
    assert parse_json("\ufeff1".encode()) == 1


def test_an_object_is_demanded() -> None:
    with pytest.raises(MalformedError, match="not a JSON object, but list"):
        parse_object("[]")


@pytest.mark.parametrize(
    ("text", "what", "where"),
    [
        ("a = " + "[" * 200_000, "nested deeper than 64 levels", "line 1"),
        ("\na = " + "{a=" * 200_000, "nested deeper than 64 levels", "line 2"),
        (".".join(["a"] * 50_000) + " = 1", "a key of more than 8 parts", "line 1"),
        ("\n\n[" + " . ".join(['"a"'] * 50_000) + "]", "a key of more than 8 parts", "line 3"),
        ("a = { " + ".".join("a" * 9) + " = 1 }", "a key of more than 8 parts", "line 1"),
        ("a.b = 1" + "0" * 5000, "an integer of more than 64 bits", ""),
        ("a.b = [1, 0x" + "f" * 5000 + "]", "an integer of more than 64 bits", "a.b[1]"),
        ("a = 1\nb = ", "not TOML: invalid value", "line 2"),
        ('a = "' + '\\"' * 200_000, "not TOML: unterminated string", "line 1"),
        ("a = '''" + "''" * 200_000, "not TOML: expected newline or end of document after a statement", None),
        ('a = """' + '"" ' * 200_000, "not TOML: unterminated string", "line 1"),
        ("\0", "not TOML: invalid statement", "line 1"),
    ],
)
def test_toml_beyond_a_bound_is_one_error(text: str, what: str, where: str | None) -> None:
    with pytest.raises(MalformedError) as error:
        parse_toml(text)
    assert str(error.value) == what
    assert where is None or error.value.where == where


def test_dots_and_brackets_in_texts_and_comments_are_no_structure() -> None:
    dots, brackets = "a" + ".a" * 100, "[" * 100
    text = f"""
a = "{dots} \\" {brackets}" # {dots} {brackets}
b = '{dots}{brackets}'
c = \"\"\"{dots}
" "" {brackets}\"\"\"\"\"
d = '''{dots}
' '' {brackets}'''''
e = [1.5, 2.5, 1979-05-27T07:32:00.999]
{".".join(["f"] * PARTS)} = 1
"""
    assert parse_toml(text) == tomllib.loads(text)
