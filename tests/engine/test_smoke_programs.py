"""The probe in a tiny image of its own: what it starts, and how that may go wrong."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import anyio
import pytest

from ci.engines.engine import ContainerRun, Output
from ci.errors import CommandError
from ci.report.check import Status
from ci.smoke.results import parse_results
from tests.engine.smoke_image import SITE
from tests.engine.smoke_probe import IMAGE, USER, TinyImage, tiny_image, wrong
from tests.hang import HANG_S

pytestmark = [
    pytest.mark.engine,
    pytest.mark.skipif(shutil.which("buildah") is None, reason="Buildah is not installed"),
]


ENTRYPOINT = {
    "module": "",
    "attribute": "",
    "file": "",
    "folders": [""],
    "env": [],
    "cwd": "/opt/app",
    "is_program": False,
}
"""What an entrypoint names: nothing yet."""


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TinyImage]:
    with tiny_image(tmp_path_factory.mktemp("smoke")) as image:
        yield image


async def test_each_import_that_fails_is_named_with_its_traceback(tiny: TinyImage) -> None:
    there = {f"{SITE}/broken.py": b"import no_such_module\n", f"{SITE}/leaves.py": b"raise SystemExit(0)\n"}
    wanted = {"python-thing": "", "broken": "broken", "leaves": "leaves", "absent": "", "json": "json"}
    checks = await tiny.probe(there, distributions=wanted)
    failed = wrong(checks)
    assert set(failed) == {"import broken", "import leaves", "import absent"}
    assert "No module named 'no_such_module'" in failed["import broken"]
    assert "SystemExit" in failed["import leaves"]
    assert failed["import absent"] == "is not installed"
    assert checks["import json"].status is Status.passed


async def test_an_import_that_kills_its_process_is_named_and_the_others_go_on(tiny: TinyImage) -> None:
    there = {f"{SITE}/crash.py": b"import os; print('last words', flush=True); os.abort()\n"}
    wanted = {"python-thing": "", "crash": "crash", "json": "json"}
    checks = await tiny.probe(there, distributions=wanted)
    assert wrong(checks) == {"import crash": "was ended by SIGABRT\nlast words"}
    assert checks["import json"].status is Status.passed


async def test_how_an_import_ended_is_told_before_whatever_it_wrote(tiny: TinyImage) -> None:
    code = b"import os\nfor number in range(99): print('line', number, flush=True)\nos.abort()\n"
    failed = wrong(await tiny.probe({f"{SITE}/crash.py": code}, distributions={"crash": "crash"}))
    first, *rest = failed["import crash"].splitlines()
    assert first == "was ended by SIGABRT"
    assert rest[-1] == "line 98"


async def test_an_import_that_fails_only_in_company_is_not_let_pass(tiny: TinyImage) -> None:
    there = {f"{SITE}/second.py": b"import os, sys\nif 'thing' in sys.modules: os.abort()\n"}
    failed = wrong(await tiny.probe(there, distributions={"python-thing": "", "second": "second"}))
    assert list(failed) == ["import second"]
    assert failed["import second"].startswith("works alone, but not after python-thing: was ended by SIGABRT")


async def test_an_import_that_hangs_is_ended_once_and_the_others_go_on(tiny: TinyImage) -> None:
    """A second try, which it does not get, would go well."""
    code = b"import pathlib, time\nnote = pathlib.Path('/tmp/hung')\n"
    code += b"if not note.exists():\n    note.touch()\n    time.sleep(600)\n"
    there = {f"{SITE}/hang.py": code}
    checks = await tiny.probe(there, distributions={"hang": "hang", "python-thing": ""}, import_limit_s=2.0)
    assert wrong(checks) == {"import hang": "was still running after 2 s, so it was ended"}
    assert checks["import python-thing"].status is Status.passed


async def test_a_program_that_is_no_python_fails_with_its_file_and_line(tiny: TinyImage) -> None:
    there = {"/opt/app/api.py": b"import os\ndef x(:\n    pass\n"}
    target = {**ENTRYPOINT, "module": "api", "attribute": "app"}
    failed = wrong(await tiny.probe(there, files={"/opt/app/api.py": "api/api.py"}, entrypoint_module=target))
    assert failed["python syntax"] == "/opt/app/api.py:2: SyntaxError: invalid syntax (api/api.py)"
    assert failed["entrypoint api"].splitlines()[0] == (
        "api: SyntaxError: invalid syntax (/opt/app/api.py:2)"
    )
    assert set(failed) == {"python syntax", "entrypoint api"}


async def test_the_module_of_the_entrypoint_is_imported_as_the_program_does_it(tiny: TinyImage) -> None:
    code = b"import os\nassert os.getcwd() == '/opt/app' and os.environ['A'] == '1'\nclass app: pass\n"
    target = {**ENTRYPOINT, "module": "api", "attribute": "app", "env": [["A", "1"]]}
    checks = await tiny.probe({"/opt/app/api.py": code}, entrypoint_module=target)
    assert checks["entrypoint api"].status is Status.passed
    other = await tiny.probe({"/opt/app/api.py": code}, entrypoint_module={**target, "attribute": "main"})
    assert "has no attribute 'main'" in wrong(other)["entrypoint api"]
    missing = await tiny.probe(entrypoint_module={**target, "module": "absent"})
    assert wrong(missing)["entrypoint absent"].splitlines()[0] == (
        "absent: ModuleNotFoundError: No module named 'absent'"
    )
    hangs = {"/opt/app/api.py": b"import time\ntime.sleep(600)\n"}
    slow = await tiny.probe(hangs, entrypoint_module=target, import_limit_s=2.0)
    assert "was still running after 2 s" in wrong(slow)["entrypoint api"]


async def test_a_program_by_its_module_may_end_itself_and_needs_its_main_file(tiny: TinyImage) -> None:
    target = {**ENTRYPOINT, "module": "api", "is_program": True}
    ends = await tiny.probe({"/opt/app/api.py": b"raise SystemExit(2)\n"}, entrypoint_module=target)
    assert ends["entrypoint api"].status is Status.passed
    there = {"/opt/app/pkg/__init__.py": b"", "/opt/app/pkg/__main__.py": b"def x(:\n"}
    broken = await tiny.probe(there, entrypoint_module={**target, "module": "pkg"})
    assert "/opt/app/pkg/__main__.py:1" in wrong(broken)["entrypoint pkg"]
    bare = await tiny.probe({"/opt/app/pkg/__init__.py": b""}, entrypoint_module={**target, "module": "pkg"})
    assert "is a package without __main__.py" in wrong(bare)["entrypoint pkg"]


async def test_help_that_fails_or_says_nothing_fails_with_its_output(tiny: TinyImage) -> None:
    there = {"/opt/app/stage.py": b"import sys; print('why', file=sys.stderr); sys.exit(3)\n"}
    assert wrong(await tiny.probe(there)) == {"--help": "ended with 3\nwhy"}


async def test_help_that_says_nothing_fails(tiny: TinyImage) -> None:
    assert wrong(await tiny.probe({"/opt/app/stage.py": b""})) == {
        "--help": "ended with 0 and printed nothing"
    }


START = ["/usr/bin/tini", "--", "python", "/opt/app/stage.py"]


async def test_a_program_that_goes_on_or_ends_with_0_could_be_started(tiny: TinyImage) -> None:
    there = {"/opt/app/stage.py": b"import time\ntime.sleep(600)\n"}
    checks = await tiny.probe(there, help=[], start=START, start_limit_s=1.0)
    assert not wrong(checks)
    assert checks["start"].detail == "was still running after 1 s"
    reads = await tiny.probe(help=[], start=["/usr/bin/tini", "--", "python"], start_limit_s=30.0)
    assert reads["start"].detail == "ended with 0"


async def test_a_program_that_can_not_be_started_fails_with_its_output(tiny: TinyImage) -> None:
    there = {"/opt/app/stage.py": b"import no_such_module\n", "/opt/app/no.sh": b"\x7fELF no program\n"}
    missing = await tiny.probe(there, help=[], start=START, start_limit_s=30.0)
    first, *lines = wrong(missing)["start"].splitlines()
    assert first == "ended with 1: ModuleNotFoundError: No module named 'no_such_module'"
    assert lines[0].startswith("Traceback")
    no_format = await tiny.probe(there, help=[], start=["/opt/app/no.sh"], start_limit_s=30.0)
    assert wrong(no_format) == {"start": "can't be started: Exec format error: /opt/app/no.sh"}


async def test_commands_that_fail_hang_flood_or_are_not_there_are_told_apart(tiny: TinyImage) -> None:
    flood = "import sys\nwhile True: sys.stdout.write('x' * 99 + '\\n')"
    commands = [
        ["python", "-c", "raise SystemExit(7)"],
        ["no-such-program"],
        ["python", "-c", "print('begin', flush=True); import time; time.sleep(600)"],
        ["python", "-c", flood],
        ["python", "-c", "print('y' * 200000); print('end')"],
    ]
    checks = await tiny.probe(commands=commands, command_limit_s=3.0)
    found = [check for name, check in checks.items() if name.startswith("run ")]
    assert [str(check.status) for check in found] == ["failed", "failed", "failed", "failed", "passed"]
    assert [check.detail.splitlines()[0] for check in found[:4]] == [
        "ended with 7",
        "can't be started: No such file or directory: no-such-program",
        "was still running after 3 s, so it was ended",
        "wrote more than 64 MiB, so it was ended",
    ]
    assert "begin" in found[2].detail
    assert all(len(check.detail) < 5000 for check in found)


async def test_a_probe_that_is_killed_names_what_was_running_and_blocks_the_rest(tiny: TinyImage) -> None:
    kill = [
        "python",
        "-c",
        "import os, signal; os.kill(os.getppid(), signal.SIGKILL); import time; time.sleep(1)",
    ]
    checks = await tiny.probe(help=[], commands=[kill, ["python", "-c", "print(1)"]])
    (name,) = wrong(checks)
    assert name.startswith("run python -c")
    assert "os.getppid()" in name
    assert [check.blocked_by for check in checks.values() if check.status is Status.blocked] == [name]


async def test_a_probe_that_is_called_off_leaves_no_process(tiny: TinyImage) -> None:
    number = 10**8 + os.getpid()
    code = (
        "import subprocess, sys\n"
        f"argv = [sys.executable, '-c', 'import time; time.sleep({number})']\n"
        "subprocess.Popen(argv, start_new_session=True).wait()"
    )
    with anyio.fail_after(HANG_S), anyio.CancelScope() as scope:
        async with anyio.create_task_group() as group:

            async def call_off() -> None:
                await until(lambda: any(f"sleep({number})" in text for text in command_lines()))
                scope.cancel()

            group.start_soon(call_off)
            await tiny.probe(commands=[["python", "-c", code]], command_limit_s=120.0)
    assert scope.cancel_called
    with anyio.fail_after(HANG_S):
        await until(lambda: not any(str(number) in text for text in command_lines()))


async def until(holds: Callable[[], bool]) -> None:
    while not holds():  # noqa: ASYNC110 - nothing tells when another process comes or goes
        await anyio.sleep(0.05)


def command_lines() -> list[str]:
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            found.append(file.read_text(errors="replace").replace("\0", " "))
    return found


async def test_an_image_whose_python_is_not_there_fails_with_its_reason(tiny: TinyImage) -> None:
    with pytest.raises(CommandError) as caught:
        await tiny.engine.run(IMAGE, ContainerRun(argv=["/opt/venv/bin/python9"], user=USER), Output())
    (check,) = parse_results(caught.value.tail, caught.value.status)
    assert check.status is Status.failed
    assert "no such file or directory" in check.detail.lower()
