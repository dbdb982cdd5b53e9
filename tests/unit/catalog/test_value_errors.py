"""Values that reach an instruction: of variables, labels and programs."""

from __future__ import annotations

import json

import pytest

from tests.unit.catalog.folder import StackFolder


def env(stack: StackFolder, value: str) -> None:
    stack.edit("base/image.toml", 'LANG = "C.UTF-8"', f"LANG = {json.dumps(value)}")


@pytest.mark.parametrize(
    ("value", "named"),
    [
        ("/opt/x:$PATH", "$PATH"),
        ("${HOME}/x", "${HOME}"),
        ("a$$$b", "$b"),
        ("${A:-b}", "${A:-b}"),
        ("${", "${"),
    ],
)
def test_a_variable_in_a_value_is_refused_since_nothing_replaces_it(
    stack: StackFolder, value: str, named: str
) -> None:
    env(stack, value)
    assert stack.errors == [
        (
            f"docker/base/image.toml: env.LANG: '{named}' would not be replaced: a value is taken as it"
            f" is; write out what it stands for, or '${named}' for that very text"
        )
    ]


@pytest.mark.parametrize(
    ("value", "literal"),
    [
        ("5 $", "5 $"),
        ("$5", "$5"),
        ("$$HOME", "$HOME"),
        ("$${A}", "${A}"),
        ("a$$b", "a$b"),
        ("'\\\"", "'\\\""),
    ],
)
def test_any_other_value_is_literal_and_two_dollars_are_one(
    stack: StackFolder, value: str, literal: str
) -> None:
    env(stack, value)
    assert dict(stack.load().get("base:cpu").env)["LANG"] == literal


def test_what_no_instruction_can_hold_is_refused(stack: StackFolder) -> None:
    env(stack, "x" * 8001)
    stack.edit("base/image.toml", 'title = "Base"', f'title = "{"t" * 9000}"')
    stack.edit("stack.toml", 'licenses = "MIT"', 'licenses = "MIT\\nUSER root"')
    stack.edit("tool/image.toml", '"python", "/opt/app/tool.py"', '"python", "/opt/app/tool.py", "a\\u0000b"')
    stack.append("tool/image.toml", f'[smoke]\ncommands = [["true", "{"x" * 9000}"]]\n')
    assert stack.errors == [
        "docker/base/image.toml: title: is 9000 bytes long, and may have 8000; shorten it",
        "docker/base/image.toml: env.LANG: is 8001 bytes long, and may have 8000; shorten it",
        (
            "docker/stack.toml: licenses: contains a line break or another control character; write one line:"
            " it is a label"
        ),
        "docker/tool/image.toml: entrypoint: contains a NUL, which no argument can have; remove it",
        "docker/tool/image.toml: smoke.commands[0]: is 9004 bytes long, and may have 8000; shorten it",
    ]
