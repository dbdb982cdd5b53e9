import os
from pathlib import Path

import pytest

from ci.bounded.file import read_file


def test_a_file_is_read_up_to_its_limit(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"12345")
    (tmp_path / "link").symlink_to("file")
    assert read_file(file, 5) == read_file(tmp_path / "link", 5) == b"12345"
    with pytest.raises(OSError, match="larger than 4 bytes"):
        read_file(file, 4)


def test_a_file_of_4_gb_is_not_read(tmp_path: Path) -> None:
    file = tmp_path / "file"
    with file.open("wb") as opened:
        opened.truncate(4 << 30)
    with pytest.raises(OSError, match="larger than 1 MiB"):
        read_file(file, 1 << 20)


def test_what_is_no_file_is_refused_without_a_wait(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "zero").symlink_to("/dev/zero")
    for name, what in (
        ("pipe", "not a regular file"),
        ("zero", "not a regular file"),
        ("", "directory"),
        ("loop", "Too many levels"),
        ("none", "No such file"),
        ("a\0b", "not the name of a file"),
    ):
        with pytest.raises(OSError, match=what):
            read_file(tmp_path / name)
