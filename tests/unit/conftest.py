"""No test in here starts a program or opens a connection: one that tries fails."""

from __future__ import annotations

import socket
import subprocess
from typing import NoReturn

import pytest


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **_more: object) -> NoReturn:
        raise AssertionError(f"a unit test started a program or opened a connection: {args!r}")

    monkeypatch.setattr(subprocess.Popen, "_execute_child", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket.socket, "connect_ex", refuse)
