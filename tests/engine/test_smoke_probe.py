"""The probe in a tiny image of its own: it passes, and each of its checks is seen failing for its reason.

A fault is a file that is mounted over the image, so that one image serves them all.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import shutil
import subprocess
from collections.abc import Awaitable, Callable, Iterator, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import anyio
import pytest

from ci.engines.buildah import Buildah
from ci.engines.embedded import EmbeddedEngine
from ci.engines.engine import Output
from ci.engines.privilege import privilege
from ci.engines.runner import Runner
from ci.errors import CommandError
from ci.smoke.check import Check, Status
from ci.smoke.request import smoke_request
from ci.smoke.results import parse_results
from tests.engine.smoke_image import SITE, stage_stack, write_root
from tests.unit.smoke.elf_file import elf

pytestmark = [
    pytest.mark.engine,
    pytest.mark.skipif(shutil.which("buildah") is None, reason="Buildah is not installed"),
]
IMAGE = "smoke/stage:cpu"
USER = "1000:1000"

Probe = Callable[..., Awaitable[dict[str, Check]]]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedEngine]:
    """Give an engine whose store holds the tiny image alone."""
    folder = tmp_path_factory.mktemp("smoke")
    store = ("--root", str(folder / "store"), "--runroot", str(folder / "run"))
    buildah = Buildah(privilege=privilege(), store=store, tmpdir=str(folder))
    engine = EmbeddedEngine(buildah=buildah, runner=Runner())
    write_root(folder / "root.tar")
    anyio.run(engine.import_root, folder / "root.tar", IMAGE, {"PATH": "/opt/venv/bin:/usr/bin"}, Output())
    try:
        yield engine
    finally:
        subprocess.run(
            (*privilege(), "buildah", *store, "rmi", "--all", "--force"), check=True, capture_output=True
        )
        subprocess.run((*privilege(), "umount", "--quiet", str(folder / "store/overlay")), check=False)
        subprocess.run((*privilege(), "rm", "-rf", str(folder)), check=True)


@pytest.fixture
def probe(tiny: EmbeddedEngine, tmp_path: Path) -> Probe:
    """Return the checks of the tiny image by name, with `there` (path: content) in it and another request."""

    calls = itertools.count()

    async def call(
        there: Mapping[str, bytes] | None = None, run_as: str = USER, **changes: object
    ) -> dict[str, Check]:
        stack = stage_stack()
        folder = tmp_path / str(next(calls))
        program, mounts = folder / "program", []
        shutil.copytree(
            str(files("ci.smoke.program").joinpath("")), program, ignore=lambda *_: {"__pycache__"}
        )
        request: dict[str, Any] = {**smoke_request(stack, stack.images[0]), **changes}
        (program / "request.json").write_text(json.dumps(request))
        for number, (path, content) in enumerate((there or {}).items()):
            file = folder / f"file-{number}"
            file.write_bytes(content)
            file.chmod(0o755)
            mounts.append((str(file), path, "ro"))
        folder.chmod(0o755)
        tmp_path.chmod(0o755)
        argv = ["/opt/venv/bin/python", "-I", "-B", "/run/probe/probe.py", "/run/probe/request.json"]
        mounts.append((str(program), "/run/probe", "ro"))
        try:
            text, status = await tiny.run(IMAGE, argv, mounts=mounts, user=run_as, output=Output()), 0
        except CommandError as error:
            text, status = error.tail, error.status
        return {check.name: check for check in parse_results(text, status)}

    return call


def wrong(checks: Mapping[str, Check]) -> dict[str, str]:
    return {name: check.detail for name, check in checks.items() if check.status is Status.failed}


async def test_a_good_image_passes_and_what_was_not_looked_at_is_skipped(probe: Probe) -> None:
    checks = await probe()
    assert {name: str(check.status) for name, check in checks.items()} == {
        "user": "passed",
        "python": "passed",
        "writable /tmp": "passed",
        "no compiler or installer": "passed",
        "no -dev package": "passed",
        "no cache": "passed",
        "no secret": "passed",
        "nothing in closed folders": "skipped",
        "pip check": "skipped",
        "import python-thing": "passed",
        "shared libraries": "passed",
        "--help": "passed",
        "run python -c 'print('\"'\"'ran'\"'\"')'": "passed",
    }
    assert checks["nothing in closed folders"].detail == "closed to uid 1000: /root"
    assert checks["pip check"].detail == "no uv was mounted"
    assert checks["--help"].detail == "usage: stage"
    assert checks["user"].detail == "uid 1000, gid 1000, app:app"


async def test_another_user_than_the_stacks_fails(probe: Probe) -> None:
    assert wrong(await probe(run_as="0:0"))["user"] == "uid 0, gid 0, not uid 1000, gid 1000"
    assert "user" in wrong(await probe(run_as="1000:0"))


async def test_a_user_without_a_name_or_with_another_one_fails(probe: Probe) -> None:
    nameless = wrong(await probe({"/etc/passwd": b"root:x:0:0::/root:/bin/sh\n"}))["user"]
    assert nameless.startswith("uid 1000, gid 1000: ")
    assert wrong(await probe(user="web")) == {"user": "uid 1000, gid 1000 is 'app', not 'web'"}


async def test_another_python_than_the_stacks_fails(probe: Probe) -> None:
    assert wrong(await probe(python="3.1"))["python"].endswith(", not 3.1")


async def test_a_compiler_an_installer_and_a_dev_package_fail(probe: Probe) -> None:
    status = (
        b"Package: libc6-dev\nStatus: install ok installed\n\nPackage: tini\nStatus: install ok installed\n"
    )
    there = {
        "/usr/bin/x86_64-linux-gnu-gcc-12": b"",
        "/opt/venv/bin/pip3": b"",
        "/usr/local/bin/pip": b"",
        "/var/lib/dpkg/status": status,
    }
    assert wrong(await probe(there)) == {
        "no compiler or installer": "there: /usr/bin/x86_64-linux-gnu-gcc-12, /opt/venv/bin/pip3",
        "no -dev package": "installed: libc6-dev",
    }


async def test_caches_and_secrets_fail_and_a_wheels_own_test_key_does_not(probe: Probe) -> None:
    key = b"-----BEGIN RSA PRIVATE KEY-----\n"
    there = {
        "/home/app/.cache/pip/wheel": b"",
        "/var/cache/apt/pkgcache.bin": b"",
        "/home/app/.netrc": b"machine x",
        "/opt/app/server.pem": key,
        "/opt/app/public.pem": b"-----BEGIN CERTIFICATE-----\n",
        f"{SITE}/unlisted.pem": key,
    }
    assert wrong(await probe(there)) == {
        "no cache": "left: /home/app/.cache/pip, /var/cache/apt/pkgcache.bin",
        "no secret": f"there: /home/app/.netrc, /opt/app/server.pem, {SITE}/unlisted.pem",
    }


async def test_a_library_that_is_not_there_fails_with_what_needs_it(probe: Probe) -> None:
    there = {
        f"{SITE}/lib/libneedy.so.1": elf(needed=["libnowhere.so.1", "libc.so.6"]),
        f"{SITE}/lib/libmodern.so": elf(needed=["libc.so.6"], needs_versions=[("libc.so.6", "GLIBC_9.9")]),
        f"{SITE}/lib/libcut.so": elf()[:90],
        "/usr/lib/x86_64-linux-gnu/plugins/optional.so": elf(needed=["libsuggested.so.1"]),
    }
    failed = wrong(await probe(there))
    assert list(failed) == ["shared libraries"]
    first, *lines = failed["shared libraries"].splitlines()
    assert first == "unresolved:"
    assert lines[0] == f"libc.so.6 (GLIBC_9.9) is needed by {SITE}/lib/libmodern.so"
    assert lines[1] == f"libnowhere.so.1 is needed by {SITE}/lib/libneedy.so.1"
    assert lines[2].startswith(f"{SITE}/lib/libcut.so: a damaged ELF file")
    assert len(lines) == 3


async def test_a_library_that_may_be_missing_passes_and_a_plugins_is_told(probe: Probe) -> None:
    plugin = "/usr/lib/x86_64-linux-gnu/plugins/optional.so"
    there = {
        f"{SITE}/libneedy.so.1": elf(needed=["libcuda.so.1"]),
        plugin: elf(needed=["libsuggested.so.1"]),
    }
    check = (await probe(there, unresolved_allowed=["libcuda.so.1"]))["shared libraries"]
    assert check.status is Status.passed
    assert f"not there, for optional plugins: libsuggested.so.1 of {plugin}" in check.detail


async def test_each_import_that_fails_is_named_with_its_traceback(probe: Probe) -> None:
    there = {f"{SITE}/broken.py": b"import no_such_module\n", f"{SITE}/leaves.py": b"raise SystemExit(0)\n"}
    wanted = {"python-thing": "", "broken": "broken", "leaves": "leaves", "absent": "", "json": "json"}
    checks = await probe(there, distributions=wanted)
    failed = wrong(checks)
    assert set(failed) == {"import broken", "import leaves", "import absent"}
    assert "No module named 'no_such_module'" in failed["import broken"]
    assert "SystemExit" in failed["import leaves"]
    assert failed["import absent"] == "is not installed"
    assert checks["import json"].status is Status.passed


async def test_an_import_that_kills_its_process_is_named_and_the_others_go_on(probe: Probe) -> None:
    there = {f"{SITE}/crash.py": b"import os; print('last words', flush=True); os.abort()\n"}
    wanted = {"python-thing": "", "crash": "crash", "json": "json"}
    checks = await probe(there, distributions=wanted)
    assert wrong(checks) == {"import crash": "was ended by SIGABRT\nlast words"}
    assert checks["import json"].status is Status.passed


async def test_an_import_that_fails_only_in_company_is_not_let_pass(probe: Probe) -> None:
    there = {f"{SITE}/second.py": b"import os, sys\nif 'thing' in sys.modules: os.abort()\n"}
    failed = wrong(await probe(there, distributions={"python-thing": "", "second": "second"}))
    assert list(failed) == ["import second"]
    assert failed["import second"].startswith("works alone, but not after python-thing: was ended by SIGABRT")


async def test_an_import_that_hangs_is_ended_once_and_the_others_go_on(probe: Probe) -> None:
    """A second try, which it does not get, would go well."""
    code = b"import pathlib, time\nnote = pathlib.Path('/tmp/hung')\n"
    code += b"if not note.exists():\n    note.touch()\n    time.sleep(600)\n"
    there = {f"{SITE}/hang.py": code}
    checks = await probe(there, distributions={"hang": "hang", "python-thing": ""}, import_limit_s=2.0)
    assert wrong(checks) == {"import hang": "was still running after 2 s, so it was ended"}
    assert checks["import python-thing"].status is Status.passed


async def test_help_that_fails_or_says_nothing_fails_with_its_output(probe: Probe) -> None:
    there = {"/opt/app/stage.py": b"import sys; print('why', file=sys.stderr); sys.exit(3)\n"}
    assert wrong(await probe(there)) == {"--help": "ended with 3\nwhy"}


async def test_help_that_says_nothing_fails(probe: Probe) -> None:
    assert wrong(await probe({"/opt/app/stage.py": b""})) == {"--help": "ended with 0 and printed nothing"}


async def test_commands_that_fail_hang_flood_or_are_not_there_are_told_apart(probe: Probe) -> None:
    flood = "import sys\nwhile True: sys.stdout.write('x' * 99 + '\\n')"
    commands = [
        ["python", "-c", "raise SystemExit(7)"],
        ["no-such-program"],
        ["python", "-c", "print('begin', flush=True); import time; time.sleep(600)"],
        ["python", "-c", flood],
        ["python", "-c", "print('y' * 200000); print('end')"],
    ]
    checks = await probe(commands=commands, command_limit_s=3.0)
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


async def test_a_probe_that_is_killed_names_what_was_running_and_blocks_the_rest(probe: Probe) -> None:
    kill = [
        "python",
        "-c",
        "import os, signal; os.kill(os.getppid(), signal.SIGKILL); import time; time.sleep(1)",
    ]
    checks = await probe(help=[], commands=[kill, ["python", "-c", "print(1)"]])
    (name,) = wrong(checks)
    assert name.startswith("run python -c")
    assert "os.getppid()" in name
    assert [check.detail for check in checks.values() if check.status is Status.blocked] == [f"by {name!r}"]


async def test_a_probe_that_is_called_off_leaves_no_process(probe: Probe) -> None:
    number = 10**8 + os.getpid()
    code = (
        "import subprocess, sys\n"
        f"argv = [sys.executable, '-c', 'import time; time.sleep({number})']\n"
        "subprocess.Popen(argv, start_new_session=True).wait()"
    )
    with anyio.fail_after(90), anyio.CancelScope() as scope:
        async with anyio.create_task_group() as group:

            async def call_off() -> None:
                await until(lambda: any(f"sleep({number})" in text for text in command_lines()))
                scope.cancel()

            group.start_soon(call_off)
            await probe(commands=[["python", "-c", code]], command_limit_s=120.0)
    assert scope.cancel_called
    with anyio.fail_after(20):
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


async def test_an_image_whose_python_is_not_there_fails_with_its_reason(tiny: EmbeddedEngine) -> None:
    with pytest.raises(CommandError) as caught:
        await tiny.run(IMAGE, ["/opt/venv/bin/python9"], user=USER, output=Output())
    (check,) = parse_results(caught.value.tail, caught.value.status)
    assert check.status is Status.failed
    assert "no such file or directory" in check.detail.lower()
