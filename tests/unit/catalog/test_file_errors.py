"""Files that go into an image, and those that must not."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import pytest

from ci.catalog.load import load_stack
from ci.catalog.stack import ContextFile
from ci.errors import CatalogError
from ci.plan.left_out import left_out_text
from tests.unit.catalog.folder import StackFolder


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def test_a_folder_stands_for_its_files_without_what_is_made_or_hidden(stack: StackFolder) -> None:
    for name in ("b.py", "a/z.py", "a/y.txt", "__pycache__/b.pyc", "old.pyc", ".git/x", "a/.env"):
        stack.write(f"base/contract/{name}", name)
    (stack.path / "base/contract/b.py").chmod(0o777)
    names = ("a/y.txt", "a/z.py", "b.py", "stage.py")
    contents = {name: name.encode() for name in names} | {"stage.py": b"A = 1\n"}
    assert stack.load().get("base:cpu").files == tuple(
        ContextFile(
            path=f"contract/{name}",
            target=f"/opt/app/contract/{name}",
            mode="0644",
            sha256=sha(contents[name]),
        )
        for name in names
    )


def test_the_mode_of_the_table_counts_for_every_file_of_a_folder(stack: StackFolder) -> None:
    stack.edit("base/image.toml", 'target = "/opt/app/contract"', 'target = "/opt/app/c/"\nmode = "0755"')
    (file,) = stack.load().get("base:cpu").files
    assert (file.target, file.mode) == ("/opt/app/c/stage.py", "0755")


def test_bytes_are_hashed_as_they_are(stack: StackFolder) -> None:
    stack.write("tool/tool.py", b"\xff\r\n")
    assert stack.load().get("tool:cpu").files[0].sha256 == sha(b"\xff\r\n")


def test_a_link_to_a_file_that_goes_along_stays_a_link(stack: StackFolder) -> None:
    (stack.path / "base/contract/alias.py").symlink_to("stage.py")
    alias = stack.load().get("base:cpu").files[0]
    assert alias == ContextFile(
        path="contract/alias.py", target="/opt/app/contract/alias.py", mode="0644", link="stage.py"
    )


def test_a_link_to_a_folder_that_goes_along_is_not_followed(stack: StackFolder) -> None:
    stack.write("base/contract/sub/x.py", "")
    (stack.path / "base/contract/alias").symlink_to("sub")
    assert [(f.path, f.link) for f in stack.load().get("base:cpu").files] == [
        ("contract/alias", "sub"),
        ("contract/stage.py", ""),
        ("contract/sub/x.py", ""),
    ]


def test_a_missing_file_is_told(stack: StackFolder) -> None:
    (stack.path / "tool/tool.py").unlink()
    assert stack.errors == ["docker/tool/image.toml: files[0].source: tool.py: no such file; add it"]


def test_an_empty_folder_is_told(stack: StackFolder) -> None:
    (stack.path / "base/contract/stage.py").unlink()
    assert stack.errors == [
        "docker/base/image.toml: files[0].source: the folder 'contract' has no file; add one"
    ]


@pytest.mark.parametrize("source", ["../base/contract/stage.py", "x/../../base/image.toml", ".."])
def test_a_source_that_leaves_the_folder_is_refused(stack: StackFolder, source: str) -> None:
    stack.edit("tool/image.toml", '"tool.py"', f'"{source}"')
    assert stack.errors == [
        (
            f"docker/tool/image.toml: files[0].source: '{source}' leaves the image's folder; copy the file"
            " into it"
        )
    ]


def test_a_source_that_is_not_relative_is_refused(stack: StackFolder) -> None:
    stack.edit("tool/image.toml", '"tool.py"', '"/etc/passwd"')
    (line,) = stack.errors
    assert line.endswith("is not relative to the image's folder; write the path below it, with /")


def test_the_whole_folder_is_no_source(stack: StackFolder) -> None:
    stack.edit("tool/image.toml", '"tool.py"', '"./"')
    assert stack.errors == [
        (
            "docker/tool/image.toml: files[0].source: './' is the whole folder of the image; name a "
            "file or a folder below it"
        )
    ]


def test_a_source_that_leaves_the_folder_by_a_link_is_refused(stack: StackFolder, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("s")
    (stack.path / "tool/tool.py").unlink()
    (stack.path / "tool/tool.py").symlink_to("../../secret")
    assert stack.errors == [
        (
            f"docker/tool/image.toml: files[0].source: tool.py: leads out of tool/ to {tmp_path}/secret; copy"
            " it into the folder"
        )
    ]


def test_a_file_below_a_linked_folder_outside_is_refused(stack: StackFolder, tmp_path: Path) -> None:
    (tmp_path / "away").mkdir()
    (tmp_path / "away/x.py").write_text("")
    (stack.path / "tool/near").symlink_to(tmp_path / "away")
    stack.edit("tool/image.toml", '"tool.py"', '"near/x.py"')
    assert [line.split(" to ")[0] for line in stack.errors] == [
        "docker/tool/image.toml: files[0].source: near/x.py: leads out of tool/"
    ]


def test_a_link_in_a_folder_that_leads_out_is_refused(stack: StackFolder, tmp_path: Path) -> None:
    (stack.path / "base/contract/x").symlink_to("../../tool/tool.py")
    assert stack.errors == [
        (f"docker/base/contract/x: leads out of base/ to {stack.path}/tool/tool.py; copy it into the folder")
    ]


def test_an_image_file_that_is_a_link_out_of_its_folder_is_refused(stack: StackFolder) -> None:
    (stack.path / "tool/requirements.in").unlink()
    (stack.path / "tool/requirements.in").symlink_to("../base/requirements.in")
    assert stack.errors == [
        (
            f"docker/tool/requirements.in: leads out of tool/ to {stack.path}/base/requirements.in; copy it"
            " into the folder"
        )
    ]


def test_an_image_folder_that_is_a_link_out_of_the_stack_is_refused(
    stack: StackFolder, tmp_path: Path
) -> None:
    (stack.path / "tool").rename(tmp_path / "elsewhere")
    (stack.path / "tool").symlink_to(tmp_path / "elsewhere")
    assert stack.errors == [
        f"docker/tool: leads out of docker/ to {tmp_path}/elsewhere; copy it into the folder"
    ]


@pytest.mark.parametrize(
    ("link", "what"),
    [
        ("gone.py", "a symbolic link to gone.py, which does not exist; correct it or remove it"),
        ("x", "a symbolic link that leads back to itself; replace it with the file"),
        (
            "../requirements.in",
            (
                "a symbolic link to /opt/app/requirements.in in the image, which no [[files]] has; add"
                " that file to [[files]]"
            ),
        ),
    ],
)
def test_a_link_that_leads_nowhere_in_the_image_is_refused(stack: StackFolder, link: str, what: str) -> None:
    (stack.path / "base/contract/x").symlink_to(link)
    assert stack.errors == [f"docker/base/contract/x: {what}"]


def test_a_link_to_an_absolute_path_is_refused(stack: StackFolder) -> None:
    (stack.path / "base/contract/x").symlink_to(stack.path / "base/contract/stage.py")
    assert stack.errors == [
        (
            f"docker/base/contract/x: a symbolic link to the absolute path"
            f" {stack.path}/base/contract/stage.py;"
            " make it relative"
        )
    ]


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


def test_empty_folders_and_hidden_files_go_along(stack: StackFolder) -> None:
    stack.write("base/contract/.config/a.ini", "")
    (stack.path / "base/contract/spool/in").mkdir(parents=True)
    found = {(file.target, file.mode, file.content) for file in stack.load().get("base:cpu").files}
    assert ("/opt/app/contract/.config/a.ini", "0644", sha(b"")) in found
    assert ("/opt/app/contract/spool/in", "0755", "an empty folder") in found
    assert len(found) == 3


def test_what_a_folder_leaves_out_is_told(stack: StackFolder) -> None:
    for name in (".env", "a/.git/config", "a/__pycache__/x.pyc", "__pycache__/y.pyc", "z.pyc"):
        stack.write(f"base/contract/{name}", "")
    image = stack.load().get("base:cpu")
    assert [file.path for file in image.files] == ["contract/stage.py"]
    text = "base: its files are without *.pyc, 2 __pycache__, contract/.env, contract/a/.git"
    assert left_out_text(image) == text
    assert left_out_text(image, caches=False) == "base: its files are without contract/.env, contract/a/.git"
    assert left_out_text(stack.load().get("base:cuda")) == ""


def test_what_a_folder_leaves_out_goes_along_by_its_own_name(stack: StackFolder) -> None:
    stack.write("tool/.env", "A=1\n")
    stack.append("tool/image.toml", '[[files]]\nsource = ".env"\ntarget = "/opt/app/"\n')
    assert [file.path for file in stack.load().get("tool:cpu").files] == [".env", "tool.py"]


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


def test_what_is_neither_file_nor_folder_is_refused(stack: StackFolder) -> None:
    os.mkfifo(stack.path / "base/contract/pipe")
    assert stack.errors == [
        "docker/base/contract/pipe: neither a file, a folder nor a symbolic link; remove it"
    ]


def test_two_files_with_one_target_are_refused(stack: StackFolder) -> None:
    stack.write("tool/b.py", "")
    stack.append("tool/image.toml", '[[files]]\nsource = "b.py"\ntarget = "/opt/app/tool.py"\n')
    assert stack.errors == [
        (
            "docker/tool/image.toml: files[1].target: duplicate: files[0] (tool.py) already has the "
            "target /opt/app/tool.py; remove one of them"
        )
    ]


def test_a_file_below_a_target_that_is_a_file_is_refused(stack: StackFolder) -> None:
    stack.write("tool/b.py", "")
    stack.append("tool/image.toml", '[[files]]\nsource = "b.py"\ntarget = "/opt/app/tool.py/"\n')
    assert stack.errors == [
        (
            "docker/tool/image.toml: files[1].target: /opt/app/tool.py/b.py is below "
            "/opt/app/tool.py, which is a file itself; choose another folder"
        )
    ]


def test_a_folder_that_was_meant_to_be_an_image_is_told(stack: StackFolder) -> None:
    stack.write("new/image.yaml", "")
    stack.write("new/requirements.in", "")
    assert stack.errors == [
        ("docker/new: has requirements.in, but no image.toml; add it, or move the folder out of the stack")
    ]


def test_a_stack_without_images_is_told(stack: StackFolder) -> None:
    (stack.path / "base/image.toml").unlink()
    (stack.path / "tool/image.toml").unlink()
    assert "docker: no image; add a folder with an image.toml" in stack.errors


HOLDS = (
    "a stack directory has stack.toml, bases.lock.toml, wheelhouse.in and a folder with image.toml per image"
)


def test_an_empty_directory_is_no_stack(tmp_path: Path) -> None:
    with pytest.raises(CatalogError) as caught:
        load_stack(tmp_path)
    assert str(caught.value) == f"{tmp_path}: an empty directory\nhint: {HOLDS}"


def test_a_foreign_directory_is_no_stack_and_the_one_below_is_offered(
    stack: StackFolder, tmp_path: Path
) -> None:
    with pytest.raises(CatalogError) as caught:
        load_stack(tmp_path)
    assert str(caught.value) == f"{tmp_path}: no stack.toml\nhint: did you mean '{stack.path}'? A{HOLDS[1:]}"


def test_a_directory_that_does_not_exist_is_no_stack(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match=r"none: no such directory\nhint: a stack directory has"):
        load_stack(tmp_path / "none")


def test_a_file_is_no_stack(stack: StackFolder) -> None:
    with pytest.raises(CatalogError, match=r"stack\.toml: not a directory\nhint: "):
        load_stack(stack.path / "stack.toml")


def test_a_file_of_a_parent_is_neither_replaced_by_a_folder_nor_hidden_by_one(stack: StackFolder) -> None:
    stack.write("tool/sub/x.py", "")
    stack.append("tool/image.toml", '[[files]]\nsource = "sub"\ntarget = "/opt/app/contract/stage.py"\n')
    stack.append("tool/image.toml", '[[files]]\nsource = "tool.py"\ntarget = "/opt/app/contract"\n')
    given = "the parent base:cpu (base/image.toml) already has the target /opt/app/contract/stage.py"
    below = "so that /opt/app/contract/stage.py/x.py can't be below it, and a layer only adds to those below"
    assert f"docker/tool/image.toml: files: {given}, {below}; choose another target" in stack.errors
    assert (
        "docker/tool/image.toml: files: a parent has the folder /opt/app/contract, and a layer only adds to"
        " those below; choose another target"
    ) in stack.errors


def test_an_empty_folder_may_be_one_that_a_parent_has(stack: StackFolder) -> None:
    (stack.path / "base/contract/spool").mkdir()
    (stack.path / "tool/sub/spool").mkdir(parents=True)
    stack.write("tool/sub/x.py", "")
    stack.append("tool/image.toml", '[[files]]\nsource = "sub"\ntarget = "/opt/app/contract"\n')
    assert len(stack.load().get("tool:cpu").files) == 3
