"""The copy of an image's files that it is built from."""

from __future__ import annotations

import os
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from ci.catalog.stack import ContextFile, ImageVariant
from ci.errors import FilesChangedError
from ci.run.inputs.staged_files import by_folder, write_context
from tests.stacks import file, image, sha


def link(path: str, to: str) -> ContextFile:
    return ContextFile(path=path, target=f"/opt/app/{path}", mode="0644", link=to)


def folder(path: str) -> ContextFile:
    return ContextFile(path=path, target=f"/opt/app/{path}", mode="0755")


@pytest.fixture
def stack(tmp_path: Path) -> Path:
    (tmp_path / "docker/vad/data").mkdir(parents=True)
    (tmp_path / "docker/vad/vad.py").write_text("x = 1\n")
    (tmp_path / "docker/vad/data/[id].txt").write_text("x = 1\n")
    (tmp_path / "docker/vad/data/i.txt").write_text("never asked for")
    return tmp_path / "docker"


def of(*files: ContextFile) -> ImageVariant:
    return image("vad", "ml:cpu", files=files)


def listing(top: Path) -> dict[str, tuple[str, str]]:
    found = {}
    for path in sorted(top.rglob("*")):
        content = str(path.readlink()) if path.is_symlink() else path.read_text() if path.is_file() else ""
        found[path.relative_to(top).as_posix()] = stat.filemode(path.lstat().st_mode), content
        assert path.lstat().st_mtime == 0
    return found


def test_a_context_has_the_files_with_their_names_modes_and_links_and_nothing_else(
    stack: Path, tmp_path: Path
) -> None:
    program = replace(file("vad.py", mode="0755"), target="/opt/app/bin/$HOME *\n#.py")
    files = (program, file("data/[id].txt", mode="0640"), link("data/alias", "[id].txt"), folder("spool/in"))
    old = os.umask(0o077)
    try:
        write_context(stack, of(*files), tmp_path / "context")
    finally:
        os.umask(old)
    assert listing(tmp_path / "context") == {
        "app": ("drwxr-xr-x", ""),
        "app/bin": ("drwxr-xr-x", ""),
        "app/bin/$HOME *\n#.py": ("-rwxr-xr-x", "x = 1\n"),
        "app/data": ("drwxr-xr-x", ""),
        "app/data/[id].txt": ("-rw-r-----", "x = 1\n"),
        "app/data/alias": ("lrwxrwxrwx", "[id].txt"),
        "app/spool": ("drwxr-xr-x", ""),
        "app/spool/in": ("drwxr-xr-x", ""),
    }


def test_a_context_is_made_anew(stack: Path, tmp_path: Path) -> None:
    write_context(stack, of(file("vad.py"), file("data/[id].txt")), tmp_path / "context")
    write_context(stack, of(file("vad.py")), tmp_path / "context")
    assert list(listing(tmp_path / "context")) == ["app", "app/vad.py"]


def test_a_file_that_changed_since_the_stack_was_read_is_refused(stack: Path, tmp_path: Path) -> None:
    (stack / "vad/vad.py").write_text("x = 2\n")
    with pytest.raises(FilesChangedError, match=r"^vad/vad\.py: changed after the stack was read"):
        write_context(stack, of(file("vad.py")), tmp_path / "context")


def test_a_file_that_is_gone_is_refused(stack: Path, tmp_path: Path) -> None:
    (stack / "vad/vad.py").unlink()
    with pytest.raises(FilesChangedError, match=r"^vad/vad\.py: removed after the stack was read"):
        write_context(stack, of(file("vad.py")), tmp_path / "context")


def test_a_link_that_took_the_place_of_a_file_or_a_folder_is_not_followed_out(
    stack: Path, tmp_path: Path
) -> None:
    (tmp_path / "secret").mkdir()
    for name in ("vad.py", "[id].txt"):
        (tmp_path / "secret" / name).write_text("x = 1\n")
    (stack / "vad/vad.py").unlink()
    (stack / "vad/vad.py").symlink_to(tmp_path / "secret/vad.py")
    (stack / "vad/data").rename(stack / "vad/old")
    (stack / "vad/data").symlink_to(tmp_path / "secret")
    for one in (file("vad.py"), file("data/[id].txt")):
        with pytest.raises(FilesChangedError, match="leads out of its folder"):
            write_context(stack, of(one), tmp_path / "context")


def test_a_pipe_in_the_place_of_a_file_is_not_waited_for(stack: Path, tmp_path: Path) -> None:
    (stack / "vad/vad.py").unlink()
    os.mkfifo(stack / "vad/vad.py")
    with pytest.raises(FilesChangedError, match="not a regular file"):
        write_context(stack, of(file("vad.py")), tmp_path / "context")


def test_a_variant_without_files_does_not_hide_those_of_another(stack: Path) -> None:
    without = replace(of(), variant="cuda")
    with_files = of(file("vad.py"))
    assert by_folder([with_files, without]) == by_folder([without, with_files]) == {"vad": with_files}
    assert sha("x = 1\n") == with_files.files[0].sha256
