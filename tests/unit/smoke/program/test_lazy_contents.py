"""The contents of the image that the probe runs in are listed by the first check."""

from __future__ import annotations

from typing import NoReturn

import pytest

from ci.smoke.program.lazy_contents import LazyContents


def test_where_the_files_can_not_be_listed_no_path_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> NoReturn:
        raise OSError("Input/output error")

    monkeypatch.setattr("ci.smoke.program.lazy_contents.file_tree", broken)
    contents = LazyContents({"contents": {}})
    for name in contents.names:
        with pytest.raises(OSError, match="Input/output error"):  # the ladder reports it as a failure
            contents.check(name)
    assert contents.closed() == {}
