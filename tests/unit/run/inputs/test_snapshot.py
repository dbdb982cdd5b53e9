from __future__ import annotations

import os
from pathlib import Path

import pytest

from ci.run.inputs.snapshot import view_of


def house(folder: Path) -> Path:
    (folder / "debs").mkdir(parents=True)
    (folder / "debs/a.deb").write_text("a")
    (folder / "manifest.json").write_text("{}")
    return folder


def test_what_another_run_takes_away_or_replaces_stays_in_the_view(tmp_path: Path) -> None:
    shared = house(tmp_path / "debhouse")
    view = view_of(shared, tmp_path / "run/debhouse")
    (shared / "debs/a.deb").unlink()
    (shared / "new").write_text('{"other": 1}')
    (shared / "new").replace(shared / "manifest.json")
    assert (view / "debs/a.deb").read_text() == "a"
    assert (view / "manifest.json").read_text() == "{}"


def test_a_view_is_made_anew_and_costs_no_disk(tmp_path: Path) -> None:
    shared = house(tmp_path / "debhouse")
    view = view_of(shared, tmp_path / "run/debhouse")
    (shared / "debs/a.deb").unlink()
    assert view_of(shared, view) == view
    assert not (view / "debs/a.deb").exists()
    assert (view / "manifest.json").samefile(shared / "manifest.json")


def test_where_links_are_refused_it_is_the_house_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(source: str, target: str, *, follow_symlinks: bool = True) -> None:
        raise PermissionError(1, "Operation not permitted", source)

    shared = house(tmp_path / "debhouse")
    monkeypatch.setattr(os, "link", refuse)
    assert view_of(shared, tmp_path / "run/debhouse") == shared
    assert not (tmp_path / "run/debhouse").exists()
