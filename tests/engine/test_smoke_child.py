"""Children of the probe: each way to end, and nothing that outlives it."""

from __future__ import annotations

import os
import select
import subprocess
import sys
from pathlib import Path

import pytest

from ci.smoke.program import bounded_process as child
from ci.smoke.program.bounded_process import (
    STORED_BYTES,
    BoundedOutput,
    ProcessResult,
    members_of,
    orphans,
    run,
)
from ci.smoke.program.python_code import entrypoint
from tests.hang import HANG_S

pytestmark = pytest.mark.engine


def python(code: str, limit_s: float = 30.0, **more: object) -> ProcessResult:
    return run([sys.executable, "-S", "-c", code], limit_s, **more)  # type: ignore[arg-type]


def ends(pid: int) -> bool:
    """Wait until a process ends, some time after it was killed; false if it goes on."""
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([process], [], [], HANG_S)[0])
    finally:
        os.close(process)


def test_both_outputs_are_kept_in_order_and_there_is_nothing_to_read() -> None:
    code = (
        "import os, sys; os.write(1, b'out '); os.write(2, b'err '); os.write(1, sys.stdin.read().encode())"
    )
    assert python(code) == ProcessResult(0, "out err ")


@pytest.mark.parametrize(
    ("code", "fault"),
    [
        ("", ""),
        ("raise SystemExit(3)", "ended with 3"),
        ("import os; os.kill(os.getpid(), 11)", "was ended by SIGSEGV"),
    ],
)
def test_the_fault_says_how_it_ended(code: str, fault: str) -> None:
    assert python(code).error == fault


def test_a_program_that_is_not_there_or_no_program_is_told(tmp_path: Path) -> None:
    assert run(["no-such-program"], 5).error == "can't be started: No such file or directory: no-such-program"
    (tmp_path / "file").touch()
    assert run([str(tmp_path / "file")], 5).error.startswith("can't be started: Permission denied")


def test_its_environment_is_laid_over_ours() -> None:
    assert (
        python(
            "import os; print(os.environ['LINE_PREFIX'], 'PATH' in os.environ)", env={"LINE_PREFIX": "x"}
        ).output
        == "x True\n"
    )


def test_a_hang_is_ended_with_what_it_started_in_other_groups(tmp_path: Path) -> None:
    """As under tini: the child is in a process group of its own, so ending the first group would leave it."""
    inner, note = tmp_path / "inner.py", tmp_path / "pid"
    inner.write_text(f"import os, time\nopen({str(note)!r}, 'w').write(str(os.getpid()))\ntime.sleep(600)\n")
    code = (
        "import subprocess, sys\nprint('begun', flush=True)\n"
        f"subprocess.run([sys.executable, '-S', {str(inner)!r}], process_group=0)\n"
    )
    ended = python(code, 1.5)
    reason = "was still running after 1.5 s, so it was ended"
    assert ended == ProcessResult(-9, "begun\n", reason, timed_out=True)
    assert ends(int(note.read_text()))


def test_what_a_child_leaves_behind_is_ended_and_does_not_hold_us_up() -> None:
    code = (
        "import subprocess, sys\n"
        "print(subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']).pid)"
    )
    ended = python(code)
    assert ended.error == ""
    assert ends(int(ended.output))


def test_what_left_the_session_is_found_by_its_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(child.VARIABLE, f"test-{os.getpid()}")
    code = (
        "import subprocess, sys\n"
        "argv = [sys.executable, '-c', 'import time; time.sleep(600)']\n"
        "print(subprocess.Popen(argv, start_new_session=True).pid)"
    )
    ended = python(code)
    assert ends(int(ended.output))


def test_a_flood_is_ended_early_and_its_beginning_and_end_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child, "OUTPUT_LIMIT_BYTES", 2**20)
    ended = python("import sys\nprint('first')\nwhile True: sys.stdout.write('x' * 1000)")
    assert ended.error == "wrote more than 1 MiB, so it was ended"
    assert ended.output.startswith("first\nxxx")
    assert len(ended.output) < STORED_BYTES + 100


def test_the_last_words_of_a_long_output_are_kept() -> None:
    ended = python("print('first'); print('x' * 10**6); print('last')")
    assert ended.output.startswith("first\n")
    assert ended.output.endswith("xxx\nlast\n")
    assert f"\n… {10**6 + 12 - STORED_BYTES} bytes left out …\n" in ended.output


@pytest.mark.parametrize("size", [0, 1, STORED_BYTES // 2, STORED_BYTES // 2 + 1, STORED_BYTES])
def test_what_fits_is_kept_whole(size: int) -> None:
    data, kept = os.urandom(size).hex().encode()[:size], BoundedOutput()
    for start in range(0, size, 7000):
        kept.add(data[start : start + 7000])
    assert kept.text == data.decode()


def test_the_members_of_a_session_are_found() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", "input()"], stdin=subprocess.PIPE, start_new_session=True
    ) as one:
        try:
            assert members_of(one.pid) == [one.pid]
        finally:
            one.kill()


@pytest.mark.parametrize("session", [0, -1])
def test_no_session_has_no_members_to_end(session: int) -> None:
    """Every process whose session began outside a container shows 0 there."""
    with pytest.raises(ValueError, match="is not a session"):
        members_of(session)


def test_without_a_token_there_are_no_strays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(child.VARIABLE, raising=False)
    assert orphans() == []
    monkeypatch.setenv(child.VARIABLE, "")
    assert orphans() == []
    monkeypatch.setenv(child.VARIABLE, f"nobody-{os.getpid()}")
    assert orphans() == []


def test_a_module_of_an_entrypoint_that_ends_its_process_is_reported_with_its_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)
    (tmp_path / "app.py").write_text("raise SystemExit('no configuration')\n")
    target = {
        "module": "app",
        "attribute": "app",
        "file": "",
        "folders": [""],
        "env": [],
        "is_program": False,
    }
    status, detail = entrypoint({**target, "cwd": str(tmp_path)}, 30.0)
    assert status == "failed"
    assert detail.splitlines()[0] == (
        "app: SystemExit: no configuration: the module ended its process while it was imported"
    )
