"""The stack's own Python files, compiled; an error has its file, its line and its source."""

from __future__ import annotations

from pathlib import Path

import pytest

from ci.smoke.program.python_code import compile_error, is_python, syntax


def test_a_file_that_is_no_python_fails_with_file_line_and_source(tmp_path: Path) -> None:
    (tmp_path / "api.py").write_text("import os\ndef x(:\n    pass\n")
    (tmp_path / "good.py").write_text("x = 1\n")
    files = {str(tmp_path / name): f"api/{name}" for name in ("api.py", "good.py")}
    status, detail = syntax(files)
    assert status == "failed"
    assert detail == f"{tmp_path}/api.py:2: SyntaxError: invalid syntax (api/api.py)"
    assert not (tmp_path / "__pycache__").exists()


def test_a_script_without_a_suffix_is_known_by_its_first_line(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("#!/usr/bin/env python3\ndef x(:\n")
    (tmp_path / "start").write_text("#!/bin/sh\ndef x(:\n")
    status, detail = syntax({str(tmp_path / name): name for name in ("run", "start")})
    assert (status, detail) == ("failed", f"{tmp_path}/run:2: SyntaxError: invalid syntax (run)")


@pytest.mark.parametrize(
    ("head", "known"),
    [
        (b"#!/usr/bin/python3", True),
        (b"#!/opt/venv/bin/python -u", True),
        (b"#!/usr/bin/env -S python3.11 -E", True),
        (b"#!/usr/bin/env python3\r", True),
        (b"#!/usr/bin/python2", False),
        (b"#!/usr/bin/python2.7", False),
        (b"#!/bin/sh", False),
        (b"# python", False),
    ],
)
def test_first_lines(head: bytes, known: bool) -> None:
    assert is_python(Path("/opt/app/run"), head) is known


@pytest.mark.parametrize("data", [b"\xff\n", b"x = 1\0\n", b"\tx\n  y\n", b"# coding: nope\n", b"return 1\n"])
def test_other_files_that_python_refuses(data: bytes) -> None:
    assert compile_error(data, "/x.py").startswith("/x.py")


def test_a_byte_order_mark_a_coding_and_a_warning_are_no_error() -> None:
    assert compile_error("\ufeffx = 'é'\n".encode(), "/x.py") == ""
    assert compile_error(b"# coding: latin-1\nx = '\xe9'\n", "/x.py") == ""
    assert compile_error(b"x = '\\d' is 1\n", "/x.py") == ""


def test_what_is_missing_fails_and_nothing_to_compile_is_skipped(tmp_path: Path) -> None:
    status, detail = syntax({str(tmp_path / "none.py"): "none.py"})
    assert (status, detail) == (
        "failed",
        f"{tmp_path}/none.py: can't be read: No such file or directory (none.py)",
    )
    (tmp_path / "data.txt").write_text("def x(:")
    assert syntax({str(tmp_path / "data.txt"): "data.txt"})[0] == "skipped"
