"""The rendered Dockerfiles by plain `docker build` of Debian's docker.io, and the engine `docker`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import anyio
import pytest

from ci.engines.buildkit import find_client
from ci.engines.docker import DockerEngine
from ci.engines.engine import BuildRequest, ContainerRun, Output, SandboxedProgram
from ci.engines.process.runner import Runner
from ci.errors import CommandError
from ci.run.inputs.compile_run import compile_run, jobs_of
from ci.run.inputs.fetch_failure import PROGRAM_FOLDER
from ci.run.inputs.local import LocalInputs
from ci.run.workspace.workspace import open_workspace
from ci.settings import Settings, read_settings
from ci.wheelhouse.program.wheel_folder import WheelFolder
from tests.e2e.container import buildah, mounted, run
from tests.engine.docker_daemon import CLIENT, Docker, daemon
from tests.engine.docker_tree import docker_root, tree
from tests.engine.look import LOOK
from tests.engine.luck import sha
from tests.engine.machine_to_attack import MOUNTED, machine_to_attack
from tests.engine.test_sdists import HARMLESS as NO_HARM
from tests.engine.test_sdists import hostile
from tests.hang import HANG_S

pytestmark = pytest.mark.engine

STACK = Path(__file__).parents[2] / "docker"
IMAGES = ("base", "tmdb", "subtitle-gen")
"""A root image, one with wheels, one with files alone. Debian's packages come in the first."""

CHECKED, PYTHON = "dockwright/tmdb:cpu", "/opt/venv/bin/python"

DIFFERENCES = {
    "/etc/hostname": "an empty file that Buildah's chroot isolation leaves where it mounts its own",
    "/etc/resolv.conf": "as /etc/hostname",
    "/mnt": "Buildah removes the place of a RUN's mount when the step ends, though the base has that folder",
}
"""What is in one of two images of the same Dockerfile alone, built by Docker and by Buildah, and why."""


HARMLESS = {"raw_sockets", "make_device", "write_inputs"}
"""What Docker lets a step do: see packets of its own empty network, make a node that it can't open, and
change its own copy of what is mounted, which is thrown away."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """A daemon with the base of root images as the local image `base`, and an export of the build inputs."""

    docker: Docker
    settings: Settings
    base: str
    houses: Path


def dockwright(*words: str, env: dict[str, str]) -> None:
    argv = (sys.executable, "-m", "ci.cli.main", *words)
    done = subprocess.run(argv, env=env, capture_output=True, text=True, check=False, timeout=HANG_S)
    assert done.returncode == 0, f"{' '.join(words)}\n{done.stdout}\n{done.stderr}"


@pytest.fixture(scope="module")
def machine() -> Iterator[Machine]:
    settings = read_settings()
    with (
        daemon(settings.tmpdir) as docker,
        tempfile.TemporaryDirectory(prefix="houses-", dir=settings.tmpdir) as folder,
        pytest.MonkeyPatch.context() as patch,
    ):
        for name in ("DOCKER_HOST", "PATH"):
            patch.setenv(name, docker.env[name])
        engine = DockerEngine(program="docker", client=find_client("docker"), runner=Runner())
        base = LocalInputs(workspace=open_workspace(settings), engine=engine).root_image()
        archive = Path(folder, "root.tar")
        with mounted(settings, f"localhost/{base}") as (root, config):
            subprocess.run(("tar", "--numeric-owner", "-C", str(root), "-cf", str(archive), "."), check=True)
        env = dict(text.split("=", 1) for text in config["Env"])
        anyio.run(engine.import_root, archive, base, env, Output())
        archive.unlink()
        houses = Path(folder, "houses")
        dockwright("wheelhouse", "--variant", "cpu", "--export", str(houses), env={**os.environ})
        yield Machine(docker=docker, settings=settings, base=base, houses=houses)


@pytest.fixture(scope="module")
def plain(machine: Machine) -> Machine:
    """The images of IMAGES, each built by the commands in the header of its Dockerfile and no other."""
    done: set[str] = set()
    for image in IMAGES:
        for line in header_commands(STACK / image / "Dockerfile.cpu"):
            # The registry of the default PARENT is not in reach.
            parent = f"docker build --build-arg PARENT={machine.base} --network" if image == "base" else ""
            line = line.replace("docker build --network", parent) if parent else line
            if line not in done:
                machine.docker.shell(line.replace("DIR/", f"{machine.houses}/"), STACK)
            done.add(line)
    return machine


def header_commands(dockerfile: Path) -> list[str]:
    """Return the commands of a rendered header in the order they are needed: local images first."""
    lines = [line.removeprefix("#   ") for line in dockerfile.read_text().splitlines() if line[:4] == "#   "]
    assert any("docker build --network none" in line for line in lines)
    return sorted(lines, key=lambda line: "--network none" in line)


def test_a_client_that_can_not_build_with_buildkit_is_passed_over(
    machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "docker"
    other.write_text('#!/bin/sh\ntest "$1" = --version && echo "Docker version 28.2.2, build e6534b4"\n')
    other.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert find_client("docker") == str(CLIENT)


@pytest.mark.parametrize("image", ["tmdb", "subtitle-gen"])
def test_the_commands_of_the_headers_build_images_that_run(plain: Machine, image: str) -> None:
    said = plain.docker.run("run", "--rm", "--network", "none", f"dockwright/{image}:cpu", "--help")
    assert said.startswith(f"usage: {image} ")


def test_docker_and_buildah_make_the_same_files_of_a_dockerfile(plain: Machine, tmp_path: Path) -> None:
    name = "dockwright/tmdb:cpu"
    with docker_root(plain.docker, name, tmp_path / "root") as root:
        by_docker = tree(root)
    with mounted(plain.settings, f"localhost/{name}") as (root, _):
        by_buildah = tree(root)
    paths = by_docker.keys() | by_buildah.keys()
    assert len(paths) > 10_000
    different = {path for path in paths if by_docker.get(path) != by_buildah.get(path)}
    assert different == set(DIFFERENCES)


@pytest.mark.parametrize("image", ["tmdb", "subtitle-gen"])
def test_docker_and_buildah_make_the_same_config_of_a_dockerfile(plain: Machine, image: str) -> None:
    (value,) = json.loads(plain.docker.run("image", "inspect", f"dockwright/{image}:cpu"))
    by_docker = value["Config"]
    by_buildah = json.loads(run(buildah(plain.settings).inspect(f"localhost/dockwright/{image}:cpu")))
    config = by_buildah["OCIv1"]["config"]
    for name in ("Entrypoint", "Cmd", "User", "WorkingDir"):
        assert by_docker.get(name) == config.get(name), name
    assert sorted(by_docker["Env"]) == sorted(config["Env"])
    labels = {name: text for name, text in config["Labels"].items() if name != "org.dockwright.key"}
    assert by_docker["Labels"] == labels


def test_the_engine_docker_builds_checks_and_names_images(machine: Machine, tmp_path: Path) -> None:
    env = {**os.environ, "DOCKWRIGHT_ROOT": str(tmp_path / "root")}
    options = ("--engine", "docker", "--wheelhouse", str(machine.houses))
    dockwright("build", "tmdb:cpu", *options, env=env)
    (report,) = (tmp_path / "root/state/runs").glob("*/report.json")
    rows = json.loads(report.read_text())["images"]
    assert [(row["task"], row["action"]) for row in rows] == [("base:cpu", "built"), ("tmdb:cpu", "built")]
    names = machine.docker.run("images", "--format", "{{.Repository}}:{{.Tag}}").split()
    for row in rows:
        assert row["reference"] in names
    dockwright("build", "tmdb:cpu", *options, env=env)
    newest = max((tmp_path / "root/state/runs").glob("*/report.json"), key=lambda path: path.stat().st_mtime)
    assert {row["action"] for row in json.loads(newest.read_text())["images"]} == {"reused"}
    argv = (sys.executable, "-m", "ci.cli.main", "shell", "tmdb:cpu", "--engine", "docker", "cat")
    done = subprocess.run(argv, env=env, input="piped", capture_output=True, text=True, check=True)
    assert done.stdout == "piped"
    assert machine.docker.run("ps", "--all", "--quiet") == ""


async def test_a_build_sees_its_files_whatever_dockerignore_says_and_tells_its_steps(
    machine: Machine, tmp_path: Path
) -> None:
    (tmp_path / ".dockerignore").write_text("*\n")
    (tmp_path / "seen").write_text("seen")
    text = "ARG PARENT\nFROM ${PARENT}\nCOPY seen /seen\nRUN echo never | cat - /seen >&2\n"
    request = BuildRequest(instructions=text, context=tmp_path, parent=machine.base)
    lines: list[str] = []
    engine = DockerEngine(program="docker", client=find_client("docker"), runner=Runner())
    image = await engine.build(request, Output(on_line=lines.append))
    assert await engine.run(image, ContainerRun(argv=["cat", "/seen"]), Output()) == "seen"
    assert "STEP 3/3: RUN echo never | cat - /seen >&2" in lines


async def test_a_run_that_takes_too_long_leaves_no_container(machine: Machine) -> None:
    engine = DockerEngine(program="docker", client=find_client("docker"), runner=Runner(limit_s=3))
    with pytest.raises(CommandError, match="still running"):
        await engine.run(machine.base, ContainerRun(argv=["sleep", "600"]), Output())
    assert machine.docker.run("ps", "--all", "--quiet") == ""


def closed(*argv: str, limit_s: float = 60.0, limit_bytes: int = 10**6) -> SandboxedProgram:
    return SandboxedProgram(argv=argv, config={}, limit_s=limit_s, limit_bytes=limit_bytes)


async def test_docker_closes_a_check_in(plain: Machine) -> None:
    engine = DockerEngine(program="docker", client=find_client("docker"), runner=Runner())
    ended = await engine.run_sandboxed(CHECKED, closed(PYTHON, "-c", LOOK), Output())
    assert ended.status == 0, ended.tail
    seen = json.loads(ended.output)
    assert {name: seen[name] for name in ("ids", "capabilities", "no new privileges", "interfaces")} == {
        "ids": [1000, 1000, [1000]],
        "capabilities": ["0000000000000000"],
        "no new privileges": "1",
        "interfaces": ["all", "default", "lo"],
    }
    assert {name: seen[name] for name in ("write", "write over", "write tmp", "connect")} == {
        "write": "Read-only file system",
        "write over": "Read-only file system",
        "write tmp": "done",
        "connect": "Network is unreachable",
    }


async def test_a_step_and_a_program_of_docker_reach_nothing_of_the_machine(
    machine: Machine, tmp_path: Path
) -> None:
    engine = DockerEngine(program="docker", client=find_client("docker"), runner=Runner())
    reference, lines = "dockwright/attack:cpu", list[str]()
    with machine_to_attack(tmp_path) as target:
        step = f"RUN --mount=type=bind,from={reference},target={MOUNTED} {' '.join(target.command)}"
        text = f"ARG PARENT\nFROM ${{PARENT}}\nUSER 0:0\n{step}\n"
        folders = {reference: target.folder}
        request = BuildRequest(instructions=text, context=tmp_path, parent=machine.base, folders=folders)
        await engine.build(request, Output(on_line=lines.append))
        found = target.result("\n".join(line[line.find("{") :] for line in lines if "achieved" in line))
        assert found["achieved"].keys() <= HARMLESS, found
        assert "read 0 bytes" in found["achieved"].get("make_device", "read 0 bytes")
        run = ContainerRun(argv=target.command, mounts=[(target.folder, MOUNTED, "ro")], user="0:0")
        found = target.result(await engine.run(machine.base, run, Output()))
        assert found["achieved"] == {}


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("import time; print('last words', flush=True); time.sleep(600)", "still running after 5 s"),
        ("while True: print('last words' * 400)", "wrote more than 1000000 bytes"),
    ],
    ids=["hang", "flood"],
)
async def test_a_check_that_comes_to_no_end_is_ended_with_its_container(
    plain: Machine, code: str, why: str
) -> None:
    engine = DockerEngine(program="docker", client=find_client("docker"), runner=Runner())
    ended = await engine.run_sandboxed(CHECKED, closed(PYTHON, "-c", code, limit_s=5.0), Output())
    assert ended.termination_reason == f"{why}, so it was ended"
    assert ended.output.startswith("last words")
    assert plain.docker.run("ps", "--all", "--quiet") == ""


async def test_a_check_that_can_not_be_started_says_why(plain: Machine) -> None:
    engine = DockerEngine(program="docker", client=find_client("docker"), runner=Runner())
    ended = await engine.run_sandboxed(CHECKED, closed("/opt/venv/bin/pythn"), Output())
    assert ended.status == 127
    assert "/opt/venv/bin/pythn: no such file or directory" in ended.tail
    assert plain.docker.run("ps", "--all", "--quiet") == ""


@pytest.mark.skipif(Path("/dev/nvidia0").exists(), reason="this machine has a GPU")
async def test_a_daemon_without_gpus_says_why_there_is_none(plain: Machine) -> None:
    engine = DockerEngine(program="docker", client=find_client("docker"), runner=Runner())
    assert "could not select device driver" in await engine.gpu_error(CHECKED)
    assert plain.docker.run("ps", "--all", "--quiet") == ""


def test_an_sdist_that_docker_compiles_reaches_nothing(machine: Machine, tmp_path: Path) -> None:
    engine = DockerEngine(program="docker", client=find_client("docker"), runner=Runner())
    stack = open_workspace(machine.settings).stack
    data = hostile("evil", "9", tmp_path)
    line = f"evil==1.0 --hash=sha256:{sha(data)} # evil-1.0.tar.gz"
    document = {
        "input": "i",
        "builder": [one.text for one in stack.builder.python_lock],
        "lists": {"luck": [line]},
        "builds": {"evil-1.0.tar.gz": "key"},
        "known": {},
    }
    (tmp_path / "document.json").write_text(json.dumps(document))
    folder = WheelFolder(tmp_path / "document.json", tmp_path / "inputs", "wheelhouse/cpu")
    for one in folder.requirements:
        kept = machine.settings.state / "inputs/content" / one.sha256
        folder.store.path(one.sha256).write_bytes(kept.read_bytes())
    folder.store.path(sha(data)).write_bytes(data)
    folder.prepare_jobs(folder.to_compile())
    (job,) = jobs_of(folder.work)
    anyio.run(engine.run, machine.base, compile_run(job, folder.work, PROGRAM_FOLDER), Output())
    (wheel,) = (folder.work / "made/key").glob("*.whl")
    report = json.loads(zipfile.ZipFile(wheel).read("evil.json"))
    assert report.pop("connect") in {"ConnectionRefusedError", "OSError"}
    assert report == NO_HARM
