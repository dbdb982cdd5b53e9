"""A machine that does not behave: a closed checkout, a full disk, an odd clock, children that stop."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import anyio
import pytest

from ci.engines.buildah.engine import BuildahEngine
from ci.engines.engine import BuildRequest, ContainerRun, Output
from ci.engines.process.runner import Runner
from ci.errors import CommandError
from ci.settings import Settings
from tests.engine.conftest import BASE
from tests.engine.luck import Served
from tests.engine.luck_stack import CHECKOUT, LuckStack
from tests.engine.test_luck_build import BUILD, THING, offer

pytestmark = pytest.mark.engine

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="mounting needs root")
HOUR_NS = 3600 * 10**9
FLOOR = ("--ignore-disk",)


def mounting(script: str, *words: str) -> tuple[str, ...]:
    """Return what runs a command where `script` mounted something that nobody else sees."""
    # cd: the directory that one is in stays the one below the mount
    text = f'{script}; cd "$PWD"; shift {len(words)}; exec "$@"'
    return ("unshare", "--mount", "--", "sh", "-ec", text, "sh", *words)


@as_root
def test_a_checkout_that_cannot_be_written_is_built_from(
    stack: LuckStack, served: Served, tmp_path: Path
) -> None:
    offer(stack, served, tmp_path)
    close = 'for f in "$1" "$2"; do mount --bind "$f" "$f"; mount -o remount,bind,ro "$f"; done'
    prefix = mounting(f'{close}; ! touch "$1/x" 2>/dev/null', str(CHECKOUT), str(stack.path))
    for words in (("plan",), BUILD, (*BUILD, "--rebuild"), ("explain", "luck"), ("lock", "--check")):
        done = stack.dockwright(*words, served=served, prefix=prefix)
        assert done.returncode == 0, (words, done.stdout + done.stderr)


@as_root
def test_a_full_folder_of_temporary_files_is_named_and_the_next_run_is_whole(
    stack: LuckStack, served: Served, tmp_path: Path, settings: Settings
) -> None:
    offer(stack, served, tmp_path)
    settings.tmpdir.mkdir(parents=True, exist_ok=True)
    tmp = str(settings.tmpdir)
    script = 'mount -t tmpfs -o size=2m tmpfs "$1"; dd if=/dev/zero of="$1/fill" bs=64k 2>/dev/null || true'
    full = stack.dockwright(*BUILD, "--ignore-disk", served=served, prefix=mounting(script, tmp))
    said = full.stdout + full.stderr
    assert full.returncode == 8, said
    assert tmp in said
    assert "dockwright gc" in said
    assert "Traceback" not in said
    done = stack.dockwright(*BUILD, served=served)
    assert done.returncode == 0, done.stdout + done.stderr


def test_files_from_the_future_and_a_history_of_it_break_nothing(
    stack: LuckStack, served: Served, tmp_path: Path, settings: Settings
) -> None:
    offer(stack, served, tmp_path)
    done = stack.dockwright(*BUILD, served=served)
    assert done.returncode == 0, done.stdout + done.stderr
    ahead = time.time_ns() + 24 * HOUR_NS
    for path in [*settings.state.rglob("*"), *stack.path.rglob("*")]:
        if path.is_file() and not path.is_symlink():
            os.utime(path, ns=(ahead, ahead))
    done = stack.dockwright(*BUILD, served=served)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 reused" in done.stdout or "2 reused" in done.stdout
    # other content with the times of before: neither the wheel nor the plan may take it for the old one
    house = settings.state / "inputs/wheelhouse/cpu/wheels" / THING
    damaged = bytearray(house.read_bytes())
    damaged[-1] ^= 1
    house.write_bytes(damaged)
    os.utime(house, ns=(ahead, ahead))
    toml = stack.path / "luck/image.toml"
    toml.write_text(toml.read_text().replace('"Luck"', '"Kcul"'))
    os.utime(toml, ns=(ahead, ahead))
    done = stack.dockwright(*BUILD, served=served)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 built" in done.stdout
    assert len(served.asked_for(THING)) == 2


def live_runs(mark: str) -> list[str]:
    """Return the processes with `mark` in their arguments or environment."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if int(folder.name) != os.getpid() and mark in (folder / "cmdline").read_text():
                found.append(folder.name)
        except OSError:
            continue
    return found


async def test_a_step_that_stops_is_ended_with_all_that_it_started(
    engine: BuildahEngine, tmp_path: Path
) -> None:
    mark = f"stopped-{tmp_path.name}-{os.getpid()}"
    text = f"RUN sh -c 'sleep 1000 & echo {mark} > /dev/null; kill -STOP $$' {mark}\n"
    request = BuildRequest(
        instructions=f"ARG PARENT\nFROM ${{PARENT}}\nUSER 0:0\n{text}", context=tmp_path, parent=BASE
    )
    short = replace(engine, runner=Runner(limit_s=4.0))
    with pytest.raises(CommandError, match="still running after 4 s") as caught:
        await short.build(request, Output(log=tmp_path / "log"))
    assert "DOCKWRIGHT_STEP_TIMEOUT_S" in str(caught.value)
    assert live_runs(mark) == []


async def test_a_container_that_stops_is_ended_and_removed(engine: BuildahEngine, tmp_path: Path) -> None:
    mark = f"stopped-{tmp_path.name}-{os.getpid()}"
    words = (*engine.privilege.prefix, "buildah", *engine.buildah.storage.options, "containers", "--json")
    before = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    short = replace(engine, runner=Runner(limit_s=4.0))
    # a child: the first process of a PID namespace ignores the STOP that it sends to itself
    argv = ["sh", "-c", f"trap '' TERM; sleep 1000 & sh -c 'kill -STOP $$; : {mark}'; : {mark}"]
    with pytest.raises(CommandError, match="still running after 4 s"):
        await short.run(BASE, ContainerRun(argv=argv), Output())
    assert live_runs(mark) == []
    assert subprocess.run(words, capture_output=True, text=True, check=True).stdout == before


async def test_an_engine_that_is_stopped_itself_is_ended(engine: BuildahEngine, tmp_path: Path) -> None:
    mark = f"stopped-{tmp_path.name}-{os.getpid()}"
    short = replace(engine, runner=Runner(limit_s=4.0))

    async def stop() -> None:
        with anyio.move_on_after(3):
            while True:
                for pid in live_runs(mark):
                    with suppress(ProcessLookupError):
                        os.kill(int(pid), signal.SIGSTOP)
                await anyio.sleep(0.1)

    async with anyio.create_task_group() as group:
        group.start_soon(stop)
        with pytest.raises(CommandError, match="still running after 4 s"):
            await short.run(BASE, ContainerRun(argv=["sh", "-c", f"sleep 1000 # {mark}"]), Output())
    assert live_runs(mark) == []
