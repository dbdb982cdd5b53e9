from __future__ import annotations

from pathlib import Path

from pydantic import TypeAdapter

from ci.run.workspace.digest_cache import DigestCache

NUMBERS = TypeAdapter(dict[str, int])


def test_values_are_kept_the_last_ones(tmp_path: Path) -> None:
    kept = DigestCache(path=tmp_path / "kept.json", most=2, form=NUMBERS)
    assert kept.values() == {}
    kept.add({"a": 1})
    kept.add({"b": 2, "c": 3})
    assert kept.values() == {"b": 2, "c": 3}


def test_a_damaged_file_is_empty(tmp_path: Path) -> None:
    path = tmp_path / "kept.json"
    for text in ("", "[1]", '{"a": ', '{"a": "x"}', "[" * 200_000):
        path.write_text(text)
        assert DigestCache(path=path, most=2, form=NUMBERS).values() == {}
