from __future__ import annotations

import pytest

from ci.engines.process.namespaces import UNSHARE_KILLED, was_killed


@pytest.mark.parametrize(
    ("status", "last_line", "killed"),
    [
        (-9, "", True),
        (1, UNSHARE_KILLED, True),
        (1, "Error: exit status 1", False),
        (-15, "", False),
        (0, "", False),
    ],
)
def test_a_killed_command_is_known_behind_unshare_too(status: int, last_line: str, killed: bool) -> None:
    assert was_killed(status, last_line) is killed
