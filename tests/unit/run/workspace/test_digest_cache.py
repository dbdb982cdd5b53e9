from __future__ import annotations

from pathlib import Path

from ci.run.workspace.digest_cache import DigestCache


def test_values_are_kept_the_last_ones(tmp_path: Path) -> None:
    kept = DigestCache(path=tmp_path / "kept.json", most=2)
    assert kept.values() == {}
    kept.add({"a": 1})
    kept.add({"b": 2, "c": 3})
    assert kept.values() == {"b": 2, "c": 3}


def test_a_damaged_file_is_empty(tmp_path: Path) -> None:
    path = tmp_path / "kept.json"
    for text in ("", "[1]", '{"a": '):
        path.write_text(text)
        assert DigestCache(path=path, most=2).values() == {}
