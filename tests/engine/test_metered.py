"""The program that writes down what a command took."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ci.engines.program import metered
from tests.hang import HANG_S

pytestmark = pytest.mark.engine
BUSY = "import time\nwhile time.process_time() < 0.4: sum(range(10**5))  # the clock itself is the kernel's\n"


def argv(file: Path, *command: str) -> tuple[str, ...]:
    return (sys.executable, "-I", "-S", "-B", metered.__file__, str(file), *command)


def test_the_processors_time_is_that_of_all_below(tmp_path: Path) -> None:
    below = f"import subprocess, sys; subprocess.run([sys.executable, '-Ic', {BUSY!r}])"
    done = subprocess.run(argv(tmp_path / "cpu", sys.executable, "-Ic", below), check=False)
    assert done.returncode == 0
    assert float((tmp_path / "cpu").read_text()) >= 0.3


def test_the_processors_time_is_neither_that_of_the_kernel_nor_of_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    user_s, system_s = 1.25, 7.5
    used = resource.struct_rusage((user_s, system_s, *(0,) * 14))
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    monkeypatch.setattr(os, "posix_spawnp", lambda *_: 4711)
    monkeypatch.setattr(os, "wait4", lambda pid, _: (pid, 0, used))
    assert metered.main(str(tmp_path / "cpu"), ["true"]) == 0
    assert (tmp_path / "cpu").read_text() == "1.250\n"


@pytest.mark.parametrize("status", [0, 7, 127])
def test_it_ends_as_the_command_does_and_passes_its_output_on(tmp_path: Path, status: int) -> None:
    command = ("sh", "-c", f"echo out; echo err >&2; exit {status}")
    done = subprocess.run(argv(tmp_path / "cpu", *command), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (status, "out\n", "err\n")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV])
def test_it_ends_by_the_signal_that_ended_the_command(tmp_path: Path, number: int) -> None:
    done = subprocess.run(argv(tmp_path / "cpu", "sh", "-c", f"kill -{number} $$"), check=False)
    assert done.returncode == -number
    assert float((tmp_path / "cpu").read_text()) >= 0


def test_a_request_to_end_is_the_commands_to_follow(tmp_path: Path) -> None:
    orderly = "trap 'echo ended; exit 3' TERM; echo ready; while :; do sleep 0.02; done"
    process = subprocess.Popen(
        argv(tmp_path / "cpu", "sh", "-c", orderly),
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    subprocess.run(("kill", "-TERM", "--", f"-{process.pid}"), check=True)
    output, _ = process.communicate(timeout=HANG_S)
    assert (process.returncode, output) == (3, "ended\n")
