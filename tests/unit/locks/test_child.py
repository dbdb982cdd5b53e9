"""Programs that `lock` runs to their end."""

from __future__ import annotations

import pytest

from ci.errors import CommandError
from ci.locks.child import run

PROGRAM = ("sh", "-c", r"printf 'a\377b\n'; exit $1", "sh")


def test_what_is_not_utf_8_is_replaced() -> None:
    assert run((*PROGRAM, "0"), {"PATH": "/usr/bin:/bin"}) == "a\ufffdb\n"
    with pytest.raises(CommandError) as caught:
        run((*PROGRAM, "3"), {"PATH": "/usr/bin:/bin"})
    assert (caught.value.status, caught.value.tail) == (3, "a\ufffdb")
