"""The bootstrap base is made in an environment of its own: a user's settings are not in its files."""

from __future__ import annotations

from pathlib import Path

import pytest

from ci.run.inputs.bootstrap import HERMETIC, root_command
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
