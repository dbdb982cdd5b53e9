"""The contents of the image that the probe runs in are listed by the first check."""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn

import pytest

from ci.smoke.probe_program import PARENT_FILE
from ci.smoke.program import probe
from ci.smoke.program.contents.lazy_contents import PARENT, LazyContents


def test_the_files_of_the_parent_are_read_where_they_are_written_beside_the_probe() -> None:
    assert Path(probe.__file__).with_name(PARENT_FILE) == PARENT


def test_where_the_files_can_not_be_listed_no_path_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> NoReturn:
        raise OSError("Input/output error")

    monkeypatch.setattr("ci.smoke.program.contents.lazy_contents.file_tree", broken)
    contents = LazyContents({"contents": {}})
    for name in contents.names:
        with pytest.raises(OSError, match="Input/output error"):  # the ladder reports it as a failure
            contents.check(name)
    assert contents.closed() == {}
