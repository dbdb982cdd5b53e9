"""Any names of files: what the catalog takes is in the build context under its name, and nothing else."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import example, given
from hypothesis import strategies as st

from ci.catalog.document import FileTable
from ci.catalog.files import context_files
from ci.catalog.reading import Folder
from ci.catalog.validation_errors import ValidationErrors
from ci.run.inputs.staged_files import write_context
from tests.stacks import image

NAME = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0/")
    | st.sampled_from("*?[]{}$\\'\"`#! \n.-"),
    min_size=1,
    max_size=8,
).filter(lambda name: name not in (".", ".."))
PATHS = st.lists(st.lists(NAME, min_size=1, max_size=3), min_size=1, max_size=6)


def written(top: Path, paths: list[list[str]]) -> dict[str, bytes]:
    """Write a file for each path that can be one, with a content of its own; return them by path."""
    found: dict[str, bytes] = {}
    for parts in paths:
        path, content = top.joinpath(*parts), "/".join(parts).encode()
        if path.exists() or any(parent.is_file() for parent in path.parents):
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        found["/".join(parts)] = content
    return found


@given(PATHS)
@example(
    [["[id].txt"], ["i.txt"], ["conf[12].txt"], ["conf1.txt"], ["*"], [".env"], ["a$HOME.txt"], [".wh.a"]]
)
def test_each_file_that_the_catalog_takes_is_in_the_context_and_nothing_else(paths: list[list[str]]) -> None:
    with tempfile.TemporaryDirectory() as name:
        top = Path(name).resolve()
        files = written(top / "vad/data", paths)
        errors = ValidationErrors(top="docker")
        folder = Folder(top=top, name="vad", errors=errors)
        table = FileTable(source="data", target="/opt/app/data", mode="0644")
        found = context_files(folder, [table])
        left_out = {path.removeprefix("data/") for path in found.left_out}
        refused = {path for path in files if any(part.startswith(".wh.") for part in path.split("/"))}
        hidden = {path for path in files for one in left_out if path == one or path.startswith(f"{one}/")}
        assert {file.path.removeprefix("data/") for file in found.files} == files.keys() - refused - hidden
        write_context(top, image("vad", "ml:cpu", files=found.files), top / "context")
        tree = top / "context/app"
        staged = {
            path.relative_to(tree).as_posix(): path.read_bytes() for path in tree.rglob("*") if path.is_file()
        }
        assert staged == {f"data/{path}": files[path] for path in files.keys() - refused - hidden}
        assert bool(errors) == bool((refused - hidden) or not files.keys() - hidden)
