from __future__ import annotations

from pathlib import Path

from tests.worker_groups import BASE, CHECKOUT, FOLDERS, OWN, group


def test_a_file_is_a_group_or_in_one_and_other_tests_are_in_none() -> None:
    assert group("tests/unit/plan/test_plan.py") == ""
    assert group("tests/engine/test_killed.py") == "base"
    assert group("tests/registry/test_gzip.py") == "base-registry"
    assert group("tests/engine/test_closed.py") == "tests/engine/test_closed.py"
    assert group("tests/e2e/test_images.py") == "images"
    assert group("tests/e2e/stages/test_mux.py") == "images"
    assert group("tests/registry/test_new.py") == "images"


def test_every_file_that_is_named_is_there_and_named_once() -> None:
    for folder in FOLDERS:
        names = [*BASE[folder].split(), *OWN[folder].split()]
        assert len(names) == len(set(names))
        assert [
            name for name in names if not Path(CHECKOUT, "tests", folder, f"test_{name}.py").exists()
        ] == []
