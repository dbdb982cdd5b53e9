"""The program that lists an image's files, on a folder in place of the root."""

from __future__ import annotations

import hashlib
import json
import os
import socket
import time
from pathlib import Path

import pytest

from ci.engines.program.tree import drained, mounts, tree


def test_a_file_is_listed_with_all_that_is_compared(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder").chmod(0o750)
    (tmp_path / "folder" / "file").write_text("text")
    (tmp_path / "folder" / "file").chmod(0o4711)
    (tmp_path / "link").symlink_to("folder/nothing")
    (tmp_path / "to-folder").symlink_to("folder")
    os.mkfifo(tmp_path / "pipe", 0o600)
    (tmp_path / "pipe").chmod(0o604)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "socket"))
        (tmp_path / "socket").chmod(0o600)
        found = tree(str(tmp_path), set())
    mine = [os.getuid(), os.getgid()]
    assert found == {
        f"{tmp_path}/folder": ["d", "0750", *mine, ""],
        f"{tmp_path}/folder/file": ["f", "4711", *mine, hashlib.sha256(b"text").hexdigest()],
        f"{tmp_path}/link": ["l", "0777", *mine, "folder/nothing"],
        f"{tmp_path}/to-folder": ["l", "0777", *mine, "folder"],
        f"{tmp_path}/pipe": ["p", "0604", *mine, ""],
        f"{tmp_path}/socket": ["s", "0600", *mine, ""],
    }


def test_what_is_mounted_is_left_out_with_all_below_it(tmp_path: Path) -> None:
    for name in ("proc/1", "kept"):
        (tmp_path / name).mkdir(parents=True)
    found = tree(str(tmp_path), {f"{tmp_path}/proc"})
    assert sorted(found) == [f"{tmp_path}/kept"]


def test_a_name_that_is_no_text_is_printed(tmp_path: Path) -> None:
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff")).write_text("")
    (path,) = json.loads(json.dumps(tree(str(tmp_path), set())))
    assert path == f"{tmp_path}/\udcff"


def test_mounts_are_read_with_their_spaces_and_without_the_root() -> None:
    lines = [
        "22 1 0:21 / / rw,relatime - overlay overlay rw",
        "23 22 0:22 / /proc rw - proc proc rw",
        r"24 22 0:23 /x /mnt/a\040b\134c rw - ext4 /dev/sda rw",
        "25 22 0:24 / /media/é rw - tmpfs tmpfs rw",
    ]
    assert mounts("\n".join(lines)) == {"/proc", r"/mnt/a b\c", "/media/é"}


def test_it_waits_until_its_output_was_read(monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    os.write(writing, b"x" * 5000)
    sizes, read = [2000, 3000], list[int]()

    def wait(_: float) -> None:
        if sizes:
            read.append(len(os.read(reading, sizes.pop(0))))

    monkeypatch.setattr(time, "sleep", wait)
    drained(writing)
    assert read == [2000, 3000]
    os.close(reading)
    os.close(writing)
