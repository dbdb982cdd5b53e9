"""`dockwright shell`: in an image, and before the step that failed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

import pytest

from ci.engines.buildah.engine import BuildahEngine
from ci.engines.engine import ContainerRun
from tests.engine.conftest import BASE
from tests.engine.luck import Served, wheel
from tests.engine.luck_stack import CHECKOUT, LuckStack
from tests.engine.terminal import Terminal, on_terminal
from tests.hang import HANG_S

pytestmark = pytest.mark.engine

PROMPT = "$ "
CTRL_C = "\x03"
FAILED = "luck:cpu: this is before step "
STRANGE = {"thing-1.0.dist-info/WHEEL": b"Wheel-Version: 9.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"}
"""A wheel that can be fetched and not be installed."""


@pytest.fixture(autouse=True)
def no_container_is_left(engine: BuildahEngine) -> Iterator[None]:
    before = containers(engine)
    yield
    assert containers(engine) == before


def containers(engine: BuildahEngine) -> str:
    argv = (
        *engine.privilege.prefix,
        "buildah",
        *engine.buildah.storage.options,
        "containers",
        "--all",
        "--quiet",
    )
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout


def shell(stack: LuckStack, *words: str) -> AbstractContextManager[Terminal]:
    argv = (sys.executable, "-m", "ci.cli.main", "shell", *words)
    env = {**os.environ, "DOCKWRIGHT_STACK": str(stack.path), "TERM": "dumb"}
    return on_terminal(argv, env=env, cwd=CHECKOUT)


PRINTED = """\
import fcntl, struct, termios
def printed(text):
    print(text, flush=True)
    while struct.unpack("i", fcntl.ioctl(1, termios.FIONREAD, b"0000"))[0]:
        pass
printed"""
"""Prints, and waits until that was read: Buildah 1.28 drops the rest when the program ends."""


@pytest.fixture
def failed(stack: LuckStack, served: Served, tmp_path: Path) -> LuckStack:
    """A stack with an image that failed at the step that installs its wheels."""
    note = {"thing-1.0.dist-info/note": str(tmp_path).encode()}
    data = wheel("thing", files={**STRANGE, **note})
    stack.add(served.add("thing", "thing-1.0-py3-none-any.whl", data))
    done = stack.dockwright("build", "luck", "--progress", "plain", served=served)
    assert done.returncode == 6, done.stdout + done.stderr
    return stack


def test_a_command_runs_in_an_image_as_its_user_and_without_network(stack: LuckStack, served: Served) -> None:
    done = stack.dockwright("shell", "base:cpu", "--", "sh", "-c", "id -un; exit 3")
    assert (done.returncode, done.stdout) == (3, "app\n")
    url = f"{served.url}/simple/"
    served.bodies["/simple/"] = b"reached"
    words = ("python", "-c", f"import urllib.request as r\n{PRINTED}(r.urlopen({url!r}).read().decode())")
    done = stack.dockwright("shell", "base:cpu", "--", *words)
    assert (done.returncode, "Connection refused" in done.stderr) == (1, True)
    done = stack.dockwright("shell", "base:cpu", "--network", "--", *words)
    assert (done.returncode, done.stdout) == (0, "reached\n")
    done = stack.dockwright("shell", "base:cpu", "--user", "0:0", "--", "id", "-u")
    assert (done.returncode, done.stdout) == (0, "0\n")


def test_a_command_has_its_own_help_and_reads_what_is_piped(stack: LuckStack) -> None:
    done = stack.dockwright("shell", "base:cpu", "--", "python", "--help")
    assert (done.returncode, done.stdout.partition(" ")[0]) == (0, "usage:")
    argv = (sys.executable, "-m", "ci.cli.main", "shell", "base:cpu", "cat")
    env = {**os.environ, "DOCKWRIGHT_STACK": str(stack.path)}
    piped = subprocess.run(
        argv, input="piped", capture_output=True, text=True, env=env, cwd=CHECKOUT, check=True
    )
    assert piped.stdout == "piped"


def test_a_shell_on_a_terminal_lives_through_ctrl_c_and_leaves_no_container(stack: LuckStack) -> None:
    with shell(stack, "base:cpu") as terminal:
        terminal.wait_for(PROMPT)
        terminal.type("python -c 'import time; print(1 + 1, \"is said\", flush=True); time.sleep(1000)'\n")
        terminal.wait_for("2 is said")
        terminal.type(CTRL_C)
        terminal.wait_for("KeyboardInterrupt")
        terminal.wait_for(PROMPT)
        terminal.type("tty; false\n")
        assert "/dev/pts/" in terminal.wait_for(PROMPT)
        terminal.type("exit\n")
        assert terminal.end() == 0
        assert "Error" not in terminal.text
        assert "job control" not in terminal.text


def test_a_terminal_works_however_long_the_path_of_temporary_files_is(
    engine: BuildahEngine, tmp_path: Path
) -> None:
    folder = tmp_path / ("long" * 30)
    folder.mkdir()
    buildah = replace(engine.buildah, tmpdir=str(folder))
    argv = buildah.start(BASE).argv
    container = subprocess.run(argv, capture_output=True, text=True, check=True).stdout.strip()
    try:
        command = buildah.run(container, ContainerRun(argv=["sh", "-c", "tty; read end"]), terminal=True)
        env = {**os.environ, **dict(command.env)}
        with on_terminal(command.argv, env=env, cwd=tmp_path) as terminal:
            terminal.wait_for("/dev/pts/")
            terminal.type("\n")
            assert terminal.end() == 0
    finally:
        subprocess.run(buildah.remove(container).argv, capture_output=True, check=True)


def test_a_closed_terminal_leaves_no_container(stack: LuckStack) -> None:
    with shell(stack, "base:cpu") as terminal:
        terminal.wait_for(PROMPT)
    os.waitpid(terminal.pid, 0)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_command_without_a_terminal_ends_by_a_signal_and_leaves_no_container(
    stack: LuckStack, number: signal.Signals
) -> None:
    run = subprocess.Popen(
        (sys.executable, "-m", "ci.cli.main", "shell", "base:cpu", "--", "sh", "-c", "echo up; sleep 1000"),
        env={**os.environ, "DOCKWRIGHT_STACK": str(stack.path)},
        cwd=CHECKOUT,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert run.stdout is not None
    assert run.stdout.readline() == "up\n"
    if number is signal.SIGINT:
        os.killpg(run.pid, number)  # as a terminal does
    else:
        os.kill(run.pid, number)
    run.communicate(timeout=HANG_S)
    assert run.returncode == 128 + number


def test_an_image_that_was_neither_built_nor_failed_says_how_to_build_it(
    stack: LuckStack, served: Served, tmp_path: Path
) -> None:
    stack.add(served.add("thing", "thing-1.0-py3-none-any.whl", wheel("thing", len(str(tmp_path)) * 50)))
    done = stack.dockwright("shell", "luck", "--", "true")
    assert done.returncode == 2
    assert done.stderr.endswith("no build of this key failed\nhint: run `dockwright build luck:cpu`\n")


def test_a_shell_opens_before_the_step_that_failed_with_its_wheelhouse(failed: LuckStack) -> None:
    done = failed.dockwright("shell", "luck", "--", "sh", "-c", "id -u; ls /mnt; cat /mnt/lists/luck.txt")
    assert done.returncode == 0, done.stderr
    uid, *listed = done.stdout.splitlines()
    assert uid == "0"
    assert {"lists", "uv", "wheels"} <= set(listed)
    assert listed[-1].startswith("thing==1.0 --hash=sha256:")
    assert f"{FAILED}4 of 6, which failed: RUN /mnt/uv pip install" in done.stderr
    assert "to run the step by hand (/mnt has the packages that the step mounts):" in done.stderr


def test_the_step_by_hand_fails_as_it_did(failed: LuckStack) -> None:
    with shell(failed, "luck:cpu") as terminal:
        said = terminal.wait_for("# ").replace("\r", "")
        _, _, command = said.partition("the step mounts):\n")
        lines = [line for line in command.splitlines() if line.startswith("  ")]
        assert lines
        for line in lines:
            terminal.type(f"{line}\n")
        terminal.wait_for("Unsupported wheel major version")
        terminal.type("\nexit\n")
        assert terminal.end() == 0
