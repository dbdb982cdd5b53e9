"""Files that go into an image, and those that must not."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from ci.catalog.stack import ContextFile
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
