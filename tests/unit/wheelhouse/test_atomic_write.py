from __future__ import annotations

from pathlib import Path

import pytest

from ci.wheelhouse.program.atomic_write import write_atomically


def test_a_file_is_written_with_its_folder_and_mode_and_replaces_an_older_one(tmp_path: Path) -> None:
    path = tmp_path / "a/b.json"
    write_atomically(path, "one")
    write_atomically(path, b"two", 0o600)
    assert path.read_bytes() == b"two"
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(path.parent.iterdir()) == [path]


def test_a_file_that_cannot_be_replaced_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "folder/full").mkdir(parents=True)
    with pytest.raises(OSError, match="folder"):
        write_atomically(tmp_path / "folder", "text")
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]
