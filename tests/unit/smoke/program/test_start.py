"""How a program ended that was started without arguments: whether it can be started at all."""

from __future__ import annotations

import signal

import pytest

from ci.smoke.program.bounded_process import ProcessResult, signal_name
from ci.smoke.program.start import start_finding

TRACEBACK = 'Traceback (most recent call last):\n  File "/opt/app/x.py", line 1, in <module>\n'


def test_a_program_that_ends_with_0_or_goes_on_can_be_started() -> None:
    assert start_finding(ProcessResult(0, "nothing to do\n"), 5) == ("passed", "ended with 0")
    late = ProcessResult(-9, "listens\n", "was still running after 5 s, so it was ended", timed_out=True)
    assert start_finding(late, 5) == ("passed", "was still running after 5 s")


@pytest.mark.parametrize(
    ("ended", "first"),
    [
        (ProcessResult(3, "no database\n"), "ended with 3"),
        (ProcessResult(126, "Exec format error\n"), "the program can't be executed: ended with 126"),
        (ProcessResult(127, "exec nothing failed\n"), "the program is not found: ended with 127"),
        (ProcessResult(128 + signal.SIGSEGV, "last words\n"), "was ended by SIGSEGV"),
        (ProcessResult(-signal.SIGABRT, "last words\n"), "was ended by SIGABRT"),
        (ProcessResult(255, "x\n"), "ended with 255"),
        (
            ProcessResult(127, "", "can't be started: Permission denied: x"),
            "can't be started: Permission denied: x",
        ),
        (
            ProcessResult(-9, "y\n", "wrote more than 64 MiB, so it was ended"),
            "wrote more than 64 MiB, so it was ended",
        ),
    ],
)
def test_a_program_that_ends_otherwise_has_failed_with_its_last_lines(
    ended: ProcessResult, first: str
) -> None:
    status, detail = start_finding(ended, 5)
    assert (status, detail) == ("failed", f"{first}\n{ended.output}".rstrip())


@pytest.mark.parametrize("status", [0, 1])
@pytest.mark.parametrize(
    "last",
    [
        "ModuleNotFoundError: No module named 'rihc'",
        "ImportError: cannot import name 'x' from 'y'",
        "SyntaxError: invalid syntax",
        "IndentationError: unexpected indent",
    ],
)
def test_code_that_can_not_be_loaded_has_failed_even_if_a_script_hides_it(status: int, last: str) -> None:
    found = start_finding(ProcessResult(status, f"{TRACEBACK}{last}\n\n"), 5)
    assert found == ("failed", f"ended with {status}: {last}\n{TRACEBACK}{last}")


def test_an_import_that_is_reported_and_not_needed_is_no_failure() -> None:
    output = f"{TRACEBACK}ImportError: no ujson\ngoes on without it\n"
    assert start_finding(ProcessResult(0, output), 5)[0] == "passed"


def test_a_signal_without_a_name_has_its_number() -> None:
    assert signal_name(signal.SIGRTMIN + 3) == f"signal {signal.SIGRTMIN + 3}"
    assert ProcessResult(-(signal.SIGRTMIN + 3), "").error.startswith("was ended by signal ")
