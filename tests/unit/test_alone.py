"""The guard of tests/unit/conftest.py holds."""

from __future__ import annotations

import socket
import subprocess

import anyio
import pytest


def test_a_unit_test_cannot_start_a_program() -> None:
    with pytest.raises(AssertionError, match="started a program"):
        subprocess.run(("true",), check=False)


async def test_a_unit_test_cannot_start_a_program_through_anyio() -> None:
    with pytest.raises(AssertionError, match="started a program"):
        await anyio.run_process(("true",))


def test_a_unit_test_cannot_open_a_connection() -> None:
    with socket.socket() as client, pytest.raises(AssertionError, match="opened a connection"):
        client.connect(("127.0.0.1", 9))
