"""The bootstrap base is made in an environment of its own: a user's settings are not in its files."""

from __future__ import annotations

from pathlib import Path

import pytest

from ci.run.inputs.bootstrap import HERMETIC, confined_command, make_readable, root_command
from tests.stacks import small_stack


def test_no_variable_of_the_user_reaches_the_packages_scripts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "")
    bootstrap = small_stack().bootstrap
    assert bootstrap is not None
    command = root_command(
        bootstrap, debs=Path("/d"), script=Path("/s"), archive=Path("/a"), env={"TMPDIR": "/t"}
    )
    assert command.env == ()
    assert command.argv[:2] == ("env", "--ignore-environment")
    given = command.argv[2 : command.argv.index("mmdebstrap")]
    assert dict(word.split("=", 1) for word in given) == {**HERMETIC, "TMPDIR": "/t"}
    assert HERMETIC["SOURCE_DATE_EPOCH"] == "0"
    assert HERMETIC["PYTHONDONTWRITEBYTECODE"] == "1"


def test_the_packages_scripts_reach_the_packages_and_a_folder_of_their_own_alone() -> None:
    bootstrap = small_stack().bootstrap
    assert bootstrap is not None
    archive, scratch = Path("/work/root.tar"), Path("/t")
    command = root_command(
        bootstrap, debs=Path("/work/r"), script=Path("/work/s"), archive=archive, env={"TMPDIR": "/t"}
    )
    confined = confined_command(command, archive, read=[Path("/work"), Path("/debs")], scratch=scratch)
    start = confined.argv.index("--")
    assert confined.argv[5:start] == ("--read=/work", "--read=/debs", "--scratch=/t", f"--output={archive}")
    inside = confined.argv[start + 1 :]
    assert "TMPDIR=/tmp" in inside
    assert inside[inside.index("mmdebstrap") :][:2] == ("mmdebstrap", "--mode=unshare")
    assert inside[-2:] == ("-", command.argv[-1])


def test_packages_that_only_their_owner_reads_are_made_readable(tmp_path: Path) -> None:
    (tmp_path / "debs").mkdir(mode=0o700)
    (tmp_path / "debs/thing.deb").touch(0o600)
    (tmp_path / "debs/other.deb").touch(0o444)
    make_readable(tmp_path / "debs")
    found = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "debs").iterdir()}
    assert found == {"thing.deb": 0o644, "other.deb": 0o444}
    assert (tmp_path / "debs").stat().st_mode & 0o777 == 0o755
