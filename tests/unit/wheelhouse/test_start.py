"""How the programs of a package folder start and report a failure, whatever an earlier run left there."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ci.wheelhouse.program.failure import FetchingError
from ci.wheelhouse.program.start import run

NAME = "wheelhouse/cpu"
REPORT = "partial/wheelhouse-cpu.failure"


@pytest.fixture(autouse=True)
def umask() -> Iterator[None]:
    """Give the tests after these the umask that they had."""
    before = os.umask(0o022)
    yield
    os.umask(before)


def folder(path: Path) -> None:
    (path / "inside").mkdir(parents=True)


@pytest.mark.parametrize("make", [folder, os.mkfifo, Path.touch], ids=["folder", "pipe", "file"])
def test_what_is_in_the_place_of_a_report_is_removed(make: Callable[[Path], object], tmp_path: Path) -> None:
    (tmp_path / "partial").mkdir()
    make(tmp_path / REPORT)
    run(lambda _document, root, name: (root / name).mkdir(parents=True), "document", str(tmp_path), NAME)
    assert not (tmp_path / REPORT).exists()
    assert (tmp_path / NAME).is_dir()


def test_a_failure_is_reported_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "partial").touch()

    def fill(_document: Path, _root: Path, _name: str) -> None:
        raise FetchingError(kind="unavailable", text="gone", unavailable=("a.whl",))

    with pytest.raises(SystemExit):
        run(fill, "document", str(tmp_path), NAME)
    report = json.loads((tmp_path / REPORT).read_text())
    assert report == {"kind": "unavailable", "text": "gone", "hint": "", "unavailable": ["a.whl"]}
