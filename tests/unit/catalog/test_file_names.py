"""Which names the files of an image can have."""

from __future__ import annotations

import json
import os

import pytest

from tests.unit.catalog.folder import StackFolder

NAMES = (
    *(
        "a\tb.py",
        "a\nb.py",
        "[id].txt",
        "a$HOME.txt",
        "*",
        "?",
        "q'u\"o",
        "back\\slash",
        "-x",
        "#x",
        " x ",
        "C:x",
    ),
    *("ü👨\u200d👩\u200d👧.txt", "!x", "a b", "l" * 255, ".hidden", "--chmod=0777", "~", "{a,b}", "a:b,c=d"),
)
"""Names that a builder could take for a pattern, a variable, an option, a comment or the end of a line."""


@pytest.mark.parametrize("name", NAMES)
def test_any_name_can_be_that_of_a_file(stack: StackFolder, name: str) -> None:
    stack.write(f"base/contract/{name}", name)
    stack.write(f"tool/{name}", "own")
    stack.edit(
        "tool/image.toml",
        '"tool.py"\ntarget = "/opt/app/"',
        f'{json.dumps(name, ensure_ascii=False)}\ntarget = "/opt/app/x/"',
    )
    stack.edit("tool/image.toml", 'entrypoint = ["python", "/opt/app/tool.py"]', "")
    found = stack.load()
    assert f"/opt/app/contract/{name}" in [file.target for file in found.get("base:cpu").files]
    assert [(file.path, file.target) for file in found.get("tool:cpu").files] == [
        (name, f"/opt/app/x/{name}")
    ]


@pytest.mark.parametrize(
    ("name", "shown", "what"),
    [
        (b"a\xff.py", r"a\udcff.py", "a name that is not UTF-8; rename it"),
        (
            b".wh.a",
            ".wh.a",
            "'contract/.wh.a': .wh. at the start of a name marks a removed file in a layer; rename it",
        ),
    ],
)
def test_a_name_that_no_layer_can_have_is_refused(
    stack: StackFolder, name: bytes, shown: str, what: str
) -> None:
    (stack.path / "base/contract" / os.fsdecode(name)).write_text("")
    assert stack.errors == [f"docker/base/contract/{shown}: {what}"]


@pytest.mark.parametrize("source", ["a\\u0000b.py", "l" * 256])
def test_a_source_that_no_file_can_have_is_refused(stack: StackFolder, source: str) -> None:
    stack.edit("tool/image.toml", '"tool.py"', f'"{source}"')
    (line,) = stack.errors
    assert line.startswith("docker/tool/image.toml: files[0].source: ")
