"""Files that Linux or an interpreter starts, and the byte order marks and line ends of text."""

from __future__ import annotations

import hashlib

import pytest

from tests.unit.catalog.folder import StackFolder


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


BOM = b"\xef\xbb\xbf"


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"#!/bin/sh\r\nexit\r\n", "a script whose lines end with CR LF"),
        (b"#! /usr/bin/env python3\r\n", "a script whose lines end with CR LF"),
        (BOM + b"#!/bin/sh\n", "a script that starts with a byte order mark"),
        (BOM + b"#!/bin/sh\r\n", "a script that starts with a byte order mark"),
    ],
)
def test_a_script_that_linux_cannot_start_is_refused(stack: StackFolder, content: bytes, what: str) -> None:
    stack.write("tool/tool.py", content)
    stack.append("tool/image.toml", 'mode = "0755"\n')
    (line,) = (line for line in stack.errors if line.startswith("docker/tool/tool.py: "))
    assert f": {what}, so " in line
    assert "; save it " in line


def test_a_file_with_an_error_is_not_said_to_be_missing_too(stack: StackFolder) -> None:
    stack.write("tool/tool.py", "#!/bin/sh\r\n")
    (line,) = stack.errors
    assert line.startswith("docker/tool/tool.py: a script whose lines end with CR LF")


@pytest.mark.parametrize(
    "content", [BOM + b"#!/usr/bin/python3\n", b"#!/usr/bin/python3\r\n", b"\r\n#!/bin/sh\r\n"]
)
def test_a_file_that_its_interpreter_can_read_is_none_of_linuxs(stack: StackFolder, content: bytes) -> None:
    stack.write("tool/tool.py", content)
    assert stack.load().get("tool:cpu").files[0].sha256 == sha(content)


def test_a_script_for_a_shell_has_no_cr_whatever_its_mode(stack: StackFolder) -> None:
    stack.write("tool/tool.py", "#!/usr/bin/env bash\r\nset -e\r\n")
    assert any("lines end with CR LF" in line for line in stack.errors)


def test_text_files_may_have_a_byte_order_mark_and_cr_lf(stack: StackFolder) -> None:
    before = stack.load()
    for name in ("stack.toml", "tool/image.toml", "bases.lock.toml"):
        text = (stack.path / name).read_bytes()
        stack.write(name, BOM + text.replace(b"\n", b"\r\n"))
    assert stack.load() == before
    stack.write("tool/requirements.in", BOM + b"scipy\r\n")
    assert stack.load() == before
