"""The program that writes down what a command took."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ci.engines.program import metered

pytestmark = pytest.mark.engine
BUSY = "import time\nwhile time.process_time() < 0.4: sum(range(10**5))  # the clock itself is the kernel's\n"


def argv(file: Path, *command: str) -> tuple[str, ...]:
    return (sys.executable, "-I", "-S", "-B", metered.__file__, str(file), *command)


def test_the_processors_time_is_that_of_all_below_and_not_of_waiting(tmp_path: Path) -> None:
    below = (
        f"import subprocess, sys, time; subprocess.run([sys.executable, '-Ic', {BUSY!r}]); time.sleep(0.5)"
    )
    done = subprocess.run(argv(tmp_path / "cpu", sys.executable, "-Ic", below), check=False)
    assert done.returncode == 0
    assert 0.3 <= float((tmp_path / "cpu").read_text()) < 0.85


@pytest.mark.parametrize("status", [0, 7, 127])
def test_it_ends_as_the_command_does_and_passes_its_output_on(tmp_path: Path, status: int) -> None:
    command = ("sh", "-c", f"echo out; echo err >&2; exit {status}")
    done = subprocess.run(argv(tmp_path / "cpu", *command), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (status, "out\n", "err\n")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV])
def test_it_ends_by_the_signal_that_ended_the_command(tmp_path: Path, number: int) -> None:
    done = subprocess.run(argv(tmp_path / "cpu", "sh", "-c", f"kill -{number} $$"), check=False)
    assert done.returncode == -number
    assert float((tmp_path / "cpu").read_text()) < 1


def test_a_request_to_end_is_the_commands_to_follow(tmp_path: Path) -> None:
    orderly = f"trap 'echo ended; exit 3' TERM; touch {tmp_path / 'ready'}; while :; do sleep 0.02; done"
    process = subprocess.Popen(
        argv(tmp_path / "cpu", "sh", "-c", orderly),
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    deadline_s = time.monotonic() + 10
    while not (tmp_path / "ready").exists() and time.monotonic() < deadline_s:
        time.sleep(0.01)
    subprocess.run(("kill", "-TERM", "--", f"-{process.pid}"), check=True)
    output, _ = process.communicate(timeout=10)
    assert (process.returncode, output) == (3, "ended\n")
