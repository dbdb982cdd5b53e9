from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from ci.run.workspace.live_runs import FOLDER, live, live_runs, stale_runs

NOW = datetime(2026, 11, 24, 9, 8, 7, tzinfo=UTC)


def killed(state: Path, name: str) -> Path:
    """Leave the mark of a run that did not get to remove it: nobody holds its lock."""
    mark = state / FOLDER / name
    mark.parent.mkdir(parents=True, exist_ok=True)
    mark.touch()
    return mark


def test_a_run_is_alive_inside_and_leaves_no_mark(tmp_path: Path) -> None:
    with live(tmp_path, now=NOW) as life:
        assert live_runs(tmp_path) == (life,)
        assert life.started == "2026-11-24 09:08:07"
        assert life.path.is_absolute()
    assert live_runs(tmp_path) == ()
    assert not life.path.exists()


def test_a_failed_run_leaves_no_mark_either(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), live(tmp_path, now=NOW):
        raise ZeroDivisionError
    assert [path.name for path in (tmp_path / FOLDER).iterdir()] == [".guard"]


def test_a_mark_that_nobody_holds_is_a_dead_run_and_a_held_one_is_not(tmp_path: Path) -> None:
    mark = killed(tmp_path, "20261124-090807-4711-0a1b2c3d")
    with live(tmp_path, now=NOW) as life:
        with stale_runs(tmp_path) as found:
            assert [(one.path, one.pid) for one in found] == [(mark, 4711)]
        assert live_runs(tmp_path) == (life,)


def test_only_one_at_a_time_is_given_a_dead_run(tmp_path: Path) -> None:
    killed(tmp_path, "20261124-090807-4711-0a1b2c3d")
    with stale_runs(tmp_path) as first, stale_runs(tmp_path) as second:
        assert (len(first), second) == (1, ())
    with stale_runs(tmp_path) as again:
        assert len(again) == 1


def test_where_nothing_ever_ran_there_is_no_run_and_nothing_is_written(tmp_path: Path) -> None:
    assert live_runs(tmp_path) == ()
    with stale_runs(tmp_path) as found:
        assert found == ()
    assert list(tmp_path.iterdir()) == []
