"""Whatever a stack directory has: a stack, or an error of ours that a person can read, in bounded memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ci.catalog.document import ExternalBasesDocument, ImageDocument, StackDocument
from ci.catalog.load import load_stack
from ci.errors import CatalogError
from ci.locks.project import quoted
from tests.unit.catalog.folder import StackFolder

FILES = (
    "stack.toml",
    "bases.lock.toml",
    "bootstrap.lock",
    "wheelhouse.apt.lock",
    "wheelhouse.in",
    "wheelhouse.lock",
    "base/image.toml",
    "base/apt.lock",
    "base/requirements.in",
    "base/requirements.lock",
    "base/contract",
    "base/contract/stage.py",
    "tool",
    "tool/image.toml",
    "tool/tool.py",
)
KEYS = sorted(
    {key for model in (ImageDocument, StackDocument) for key in model.model_fields}
    | {"cpu", "cuda", "python", "name", "uid", "gid", "suite", "packages", "uv", "source", "target", "mode"}
    | {"reference", "tag", "digest", "libraries", "layers", "imports", "help", "commands", "runs"}
    | {"unpacked_mb", "import_s", "path", "a.b", "", "\0", "é"}
)
TEXTS = st.text() | st.sampled_from(
    [
        "outside:python",
        "base:cpu",
        "base",
        "tool",
        "..",
        "a\0b",
        "/opt/app/x",
        "contract",
        "x" * 300,
        ":",
        "3.11",
    ]
)
LEAVES = TEXTS | st.integers() | st.booleans() | st.floats() | st.sampled_from([2**63, 10**30])
VALUES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(KEYS) | TEXTS, inner, max_size=4)
    ),
    max_leaves=12,
)


def toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{quoted(key)} = {toml(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    return quoted(value) if isinstance(value, str) else json.dumps(value).replace("Infinity", "inf").lower()


def to_table(key: str, value: object, text: str) -> str:
    """Return `text` with `key` set at its top, whatever it had before."""
    rows = [row for row in text.splitlines() if not row.startswith((f"{key} =", f"[{key}", f"[[{key}"))]
    return "\n".join([f"{quoted(key)} = {toml(value)}", *rows, ""])


def replaced_by(kind: str, path: Path) -> None:
    path.rename(path.with_name(f"{path.name}.before"))
    match kind:
        case "folder":
            path.mkdir()
        case "pipe":
            os.mkfifo(path)
        case "loop":
            path.symlink_to(path.name)
        case "zeros":
            path.symlink_to("/dev/zero")
        case "outside":
            path.symlink_to("/etc/passwd")
        case "secret":
            path.symlink_to("/proc/self/mem")
        case _:
            path.unlink(missing_ok=True)


EDITS: st.SearchStrategy[Callable[[Path], object]] = st.one_of(
    st.binary(max_size=200).map(lambda data: lambda path: path.write_bytes(data)),
    st.text(max_size=200).map(lambda text: lambda path: path.write_text(text)),
    st.integers(0, 400).map(lambda size: lambda path: os.truncate(path, size)),
    st.tuples(st.integers(0, 400), st.binary(min_size=1, max_size=9)).map(
        lambda at: (
            lambda path: path.write_bytes(
                path.read_bytes()[: at[0]] + at[1] + path.read_bytes()[at[0] + len(at[1]) :]
            )
        )
    ),
    st.tuples(st.sampled_from(KEYS), VALUES).map(
        lambda pair: (
            lambda path: path.write_text(to_table(pair[0], pair[1], path.read_text(errors="replace")))
        )
    ),
    st.sampled_from(["folder", "pipe", "loop", "zeros", "outside", "secret", "none"]).map(
        lambda kind: lambda path: replaced_by(kind, path)
    ),
)


@settings(max_examples=150)
@given(edits=st.lists(st.tuples(st.sampled_from(FILES), EDITS), min_size=1, max_size=3))
def test_any_stack_directory_is_a_stack_or_an_error(
    edits: list[tuple[str, Callable[[Path], object]]],
) -> None:
    with TemporaryDirectory() as folder:
        stack = StackFolder(Path(folder))
        for name, edit in edits:
            path = stack.path / name
            if path.is_file() and not path.is_symlink():  # an earlier edit replaced it, or it is a folder
                edit(path)
        for demand in ("required", "optional", "none"):
            try:
                load_stack(stack.path, demand)
            except CatalogError as error:
                lines = str(error).splitlines()
                assert all(line.isprintable() and len(line) < 1000 for line in lines), lines
                assert len(lines) <= 210, len(lines)


WORST: dict[str, tuple[str, str | int]] = {
    "a dotted key of 50,000 parts": ("stack.toml", ".".join(["a"] * 50_000) + " = 1\n"),
    "a table of 50,000 parts": ("tool/image.toml", "[" + ".".join(["a"] * 50_000) + "]\n"),
    "deep lists": ("bases.lock.toml", "a = " + "[" * 400_000),
    "deep tables": ("tool/image.toml", "a = " + "{a=" * 200_000),
    "many tables": ("tool/image.toml", "".join(f"[a{n}.b.c.d.e.f.g.h]\n" for n in range(20_000))),
    "many unknown keys": ("tool/image.toml", "".join(f"a{n} = 1\n" for n in range(90_000))),
    "many values of a wrong type": ("tool/image.toml", "apt = [" + "1," * 500_000 + "]\n"),
    "many equal packages": ("tool/image.toml", "apt = [" + '"ab",' * 200_000 + "]\n"),
    "many variants": ("tool/image.toml", "[parent]\n" + "".join(f'v{n} = "base"\n' for n in range(60_000))),
    "many options": ("tool/requirements.in", "-r x\n" * 200_000),
    "spaces": ("tool/requirements.in", ("numpy" + " " * 4000 + "!\n") * 250),
    "a long line": ("tool/requirements.in", "a;" + "(" * 1_000_000),
    "a long integer": ("tool/image.toml", "a = " + "1" * 1_000_000),
    "a long text": ("tool/image.toml", 'title = "' + "\\u0000" * 170_000 + '"\n'),
    "an unfinished text": ("tool/image.toml", 'title = "' + '\\"' * 500_000),
    "many wrong locks": ("tool/requirements.lock", "x" * 100 + "\n" + "y\n" * 500_000),
    "a long size": (
        "tool/requirements.lock",
        f"scipy==1.0 --hash=sha256:{'0' * 64} # scipy-1.0.zip {'1' * 5000}\n",
    ),
    "4 GB": ("tool/image.toml", 4 << 30),
    "4 GB of requirements": ("tool/requirements.in", 4 << 30),
    "4 GB of a lock": ("bootstrap.lock", 4 << 30),
}
PROGRAM = """
import resource, sys
resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
from pathlib import Path
from ci.catalog.load import load_stack
from ci.errors import CatalogError
try:
    load_stack(Path(sys.argv[1]))
except CatalogError as error:
    print(error)
    sys.exit(2)
"""


@pytest.mark.parametrize("worst", WORST)
def test_no_file_of_a_stack_takes_the_memory_of_a_machine(worst: str, tmp_path: Path) -> None:
    """A gigabyte is all that the process gets; it ends with one sentence for each error, and a hint."""
    stack = StackFolder(tmp_path)
    name, content = WORST[worst]
    if isinstance(content, int):
        os.truncate(stack.path / name, content)
    else:
        stack.write(name, content)
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(stack.path)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (2, "")
    assert f"docker/{name}: " in done.stdout
    assert len(done.stdout) < 100_000


def test_the_shape_of_every_document_is_fuzzed() -> None:
    assert set(ExternalBasesDocument.model_fields) == {"root"}
    assert {*ImageDocument.model_fields, *StackDocument.model_fields} <= set(KEYS)
