"""What a checked program can reach and do, seen from inside a tiny image."""

from __future__ import annotations

import json
import os
import shutil
import signal
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import pytest

from ci.engines.engine import Output, SandboxedProgram
from ci.engines.gpu import Gpu
from ci.engines.process.command import ProcessResult
from ci.engines.program.sandbox import inside, place
from ci.engines.sandbox import sandbox_config
from ci.smoke.results import parse_results
from tests.engine.look import LOOK
from tests.engine.smoke_probe import IMAGE, USER, TinyImage, tiny_image, wrong
from tests.hang import HANG_S

pytestmark = [
    pytest.mark.engine,
    pytest.mark.skipif(shutil.which("buildah") is None, reason="Buildah is not installed"),
]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TinyImage]:
    with tiny_image(tmp_path_factory.mktemp("closed")) as image:
        yield image


async def ran(tiny: TinyImage, *argv: str, user: str = USER, **values: Any) -> ProcessResult:
    config = (await tiny.engine.inspect(IMAGE)).config["config"]
    given: dict[str, Any] = {"limit_s": 60.0, **values}
    closed = SandboxedProgram(argv=argv, config={"config": {**config, "User": user}}, **given)
    return await tiny.engine.run_sandboxed((await tiny.engine.images())[IMAGE], closed, Output())


def left(tiny: TinyImage) -> list[str]:
    mounts = [
        line for line in Path("/proc/self/mountinfo").read_text().splitlines() if str(tiny.folder) in line
    ]
    scratch = [path.name for path in tiny.folder.iterdir() if path.name.startswith("dockwright-check-")]
    return [line for line in mounts if "dockwright-check-" in line] + scratch


async def test_a_checked_program_is_closed_in(tiny: TinyImage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKWRIGHT_REGISTRY_PASSWORD", "canary")
    ended = await ran(tiny, "python", "-c", LOOK)
    assert (ended.status, ended.tail.splitlines()[1:]) == (0, [])
    seen = json.loads(ended.output)
    nothing = "0000000000000000"
    assert seen == {
        "ids": [1000, 1000, []],
        "capabilities": [nothing],
        "no new privileges": "1",
        "write": "Read-only file system",
        "write over": "Read-only file system",
        "write tmp": "done",
        "interfaces": ["all", "default", "lo"],
        "connect": "Network is unreachable",
        "own": "Connection refused",
        "devices": ["fd", "full", "null", "random", "shm", "stderr", "stdin", "stdout", "urandom", "zero"],
        "root": seen["root"],
        "above": seen["root"],
        "environment": {"HOME": "/home/app", "PATH": "/opt/venv/bin:/usr/bin"},
        "processes": 1,
        "cwd": "/",
    }
    assert {"opt", "usr", "tmp"} <= set(seen["root"])
    assert "work" not in seen["root"]
    assert left(tiny) == []


async def test_root_has_no_capability_either(tiny: TinyImage) -> None:
    seen = json.loads((await ran(tiny, "python", "-c", LOOK, user="")).output)
    assert (seen["ids"], seen["capabilities"]) == ([0, 0, []], ["0000000000000000"])
    assert seen["write"] == "Read-only file system"


async def test_a_hang_is_ended_with_all_that_it_started_and_its_words_are_kept(tiny: TinyImage) -> None:
    number = 2 * 10**8 + os.getpid()
    code = (
        "import subprocess, sys; print('last words', flush=True)\n"
        f"argv = [sys.executable, '-c', 'import time; time.sleep({number})']\n"
        "subprocess.Popen(argv, start_new_session=True)\n"
        f"import time; time.sleep({number})"
    )
    ended = await ran(tiny, "python", "-c", code, limit_s=3.0)
    assert ended.termination_reason == "still running after 3 s, so it was ended"
    assert ended.output == "last words\n"
    words = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if path.exists()]
    assert [line for line in words if str(number).encode() in line] == []
    assert left(tiny) == []


async def test_a_flood_is_cut(tiny: TinyImage) -> None:
    code = "import sys\nwhile True: sys.stdout.write('x' * 4095 + '\\n')"
    ended = await ran(tiny, "python", "-c", code, limit_bytes=10**6)
    assert ended.termination_reason == "wrote more than 1000000 bytes, so it was ended"
    assert 10**6 < len(ended.output) < 2 * 10**6
    assert left(tiny) == []


async def test_a_program_that_is_not_there_is_told(tiny: TinyImage) -> None:
    ended = await ran(tiny, "/opt/venv/bin/pythn")
    assert (ended.status, ended.tail) == (
        127,
        "can't be started: No such file or directory: /opt/venv/bin/pythn",
    )
    (check,) = parse_results(ended.output, ended.status, tail=ended.tail)
    assert check.detail == f"the probe ended with 127, before its first check\n{ended.tail}"


@pytest.mark.parametrize(
    ("user", "said"),
    [
        ("nobody-there", "the image's user 'nobody-there' is not in its /etc/passwd"),
        ("1000:nobody-there", "the image's group 'nobody-there' is not in its /etc/group"),
    ],
)
async def test_a_user_that_the_image_does_not_know_is_told(tiny: TinyImage, user: str, said: str) -> None:
    ended = await ran(tiny, "true", user=user)
    assert (ended.status, ended.tail) == (125, f"the sandbox could not be set up: {said}")


async def test_a_user_may_be_a_name(tiny: TinyImage) -> None:
    ended = await ran(tiny, "python", "-c", "import os; print(os.getuid(), os.environ['HOME'])", user="app")
    assert ended.output == "1000 /home/app\n"


async def test_an_image_that_is_gone_is_told(tiny: TinyImage) -> None:
    closed = SandboxedProgram(argv=("true",), config={}, limit_s=9.0)
    ended = await tiny.engine.run_sandboxed("f" * 64, closed, Output())
    assert ended.status == 125
    assert ended.tail.endswith("has no image ffffffffffff")


async def test_what_writes_to_its_image_fails_and_changes_nothing(tiny: TinyImage) -> None:
    commands = [["python", "-c", "open('/opt/app/stage.py', 'w').write('changed')"]]
    failed = wrong(await tiny.probe(commands=commands))
    (detail,) = failed.values()
    assert detail.splitlines()[-1] == "OSError: [Errno 30] Read-only file system: '/opt/app/stage.py'"
    assert wrong(await tiny.probe()) == {}


async def test_a_failed_import_blocks_the_programs_and_nothing_else(tiny: TinyImage) -> None:
    checks = await tiny.probe(distributions={"absent": ""})
    blocked = {name: check.blocked_by for name, check in checks.items() if str(check.status) == "blocked"}
    assert set(wrong(checks)) == {"import absent"}
    assert set(blocked.values()) == {"import absent"}
    assert "--help" in blocked


async def test_no_link_of_an_image_leads_a_mount_out_of_it(tiny: TinyImage, tmp_path: Path) -> None:
    """The image's own files are data of somebody else; where something is mounted goes by them."""
    root, outside = tmp_path / "root", tmp_path / "outside"
    root.mkdir()
    outside.mkdir()
    (root / "run").symlink_to("../../outside")
    (root / "abs").symlink_to("/outside")
    assert inside(root, "/run/probe") == root / "outside/probe"
    assert inside(root, "/abs/../x") == root / "x"
    assert place(root, "/run/probe/request.json", folder=False) == root / "outside/probe/request.json"
    assert list(outside.iterdir()) == []


async def test_a_gpus_devices_and_libraries_are_lent_to_the_program_alone(
    tiny: TinyImage, tmp_path: Path
) -> None:
    """A made-up GPU: the device is another one of Linux, and the driver is a text."""
    driver = tmp_path / "libcuda.so.570"
    driver.write_text("the driver\n")
    gpu = Gpu(
        devices=((Path("/dev/zero"), "/dev/nvidia0"), (Path("/dev/null"), "/dev/nvidia-caps/nvidia-cap1")),
        libraries=((driver, "/usr/lib/x86_64-linux-gnu/libcuda.so.1"),),
        programs=(),
        driver="570",
    )
    code = (
        "import os; print(open('/dev/nvidia0', 'rb').read(3), os.listdir('/dev/nvidia-caps'))\n"
        "print(open('/usr/lib/x86_64-linux-gnu/libcuda.so.1').read(), end='')\n"
        "print(os.path.exists('/sys/class'), os.access('/usr/lib/x86_64-linux-gnu/libcuda.so.1', os.W_OK))\n"
    )
    config = (await tiny.engine.inspect(IMAGE)).config["config"]
    closed = SandboxedProgram(
        argv=("python", "-c", code), config={"config": {**config, "User": USER}}, limit_s=60.0
    )
    place = {"root": str(tiny.folder / "store"), "driver": "overlay", "scratch": str(tmp_path / "scratch")}
    (tmp_path / "scratch").mkdir()
    id_ = (await tiny.engine.images())[IMAGE].removeprefix("sha256:")
    (tmp_path / "spec.json").write_text(json.dumps({**sandbox_config(closed, gpu), **place, "image": id_}))
    command = tiny.engine.buildah.sandbox(str(tmp_path / "spec.json"))
    ended = await tiny.engine.runner.finish(command, limit_s=60.0)
    assert (ended.status, ended.tail.splitlines()[3:]) == (0, [])
    assert ended.output.splitlines() == [
        r"b'\x00\x00\x00' ['nvidia-cap1']",
        "the driver",
        "True False",
    ]
    assert not Path("/dev/nvidia0").exists()


async def test_a_checked_program_dies_with_the_run_that_is_killed(tiny: TinyImage) -> None:
    """Becoming another user clears what lets it die with its parent."""
    number = 3 * 10**8 + os.getpid()
    code = f"print('up', flush=True); import time; time.sleep({number})"

    def there() -> list[int]:
        found = []
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            with suppress(OSError):
                words = path.read_bytes().split(b"\0")
                found += [int(path.parent.name)] if words[0] == b"python" and code.encode() in words else []
        return found

    async with anyio.create_task_group() as group:
        group.start_soon(partial(ran, tiny, "python", "-c", code))
        with anyio.fail_after(HANG_S):
            while not there():  # noqa: ASYNC110 what is waited for is a process of somebody else
                await anyio.sleep(0.05)
            (pid,) = there()
            parent = int((Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[1])
            os.kill(parent, signal.SIGKILL)
            while there():  # noqa: ASYNC110 as above
                await anyio.sleep(0.05)
    assert left(tiny) == []


async def test_root_can_not_write_what_is_the_machines(tiny: TinyImage) -> None:
    code = "print(open('/proc/sys/kernel/hostname', 'w'))"
    ended = await ran(tiny, "python", "-c", code, user="")
    assert "Read-only file system: '/proc/sys/kernel/hostname'" in ended.tail
