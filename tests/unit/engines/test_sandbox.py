from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ci.engines.docker import DockerEngine
from ci.engines.engine import SandboxedProgram
from ci.engines.process.runner import Runner
from ci.engines.sandbox import sandbox_config

CONFIG = {
    "config": {
        "Env": ["PATH=/opt/venv/bin:/usr/bin", "EMPTY="],
        "User": "1000:1000",
        "WorkingDir": "/home/app",
        "Entrypoint": ["tini"],
    }
}
CLOSED = SandboxedProgram(
    argv=("/opt/venv/bin/python", "probe.py"),
    config=CONFIG,
    mounts=((Path("/here/probe"), "/run/probe", "ro"),),
    limit_s=9.0,
)


def test_a_program_gets_the_images_environment_and_nothing_of_this_machine() -> None:
    assert sandbox_config(CLOSED, None) == {
        "argv": ["/opt/venv/bin/python", "probe.py"],
        "env": {"PATH": "/opt/venv/bin:/usr/bin", "EMPTY": ""},
        "cwd": "/home/app",
        "user": "1000:1000",
        "binds": [["/here/probe", "/run/probe"]],
        "devices": [],
    }


def test_an_image_that_says_nothing_runs_as_root_at_its_top() -> None:
    spec = sandbox_config(SandboxedProgram(argv=("true",), config={}, limit_s=1.0), None)
    assert (spec["user"], spec["cwd"], spec["env"]) == ("", "/", {})


def test_docker_closes_a_program_in_by_its_own_options() -> None:
    command = DockerEngine(program="docker", runner=Runner()).sandbox_command("asr:cpu", CLOSED, "one")
    assert " ".join(command.argv) == (
        "docker run --rm --name one --network none --read-only --cap-drop ALL "
        "--security-opt no-new-privileges --tmpfs /tmp:rw,nosuid,nodev,exec,mode=1777,size=1g "
        "--entrypoint /opt/venv/bin/python --volume /here/probe:/run/probe:ro asr:cpu probe.py"
    )


@pytest.mark.parametrize(
    ("program", "words"),
    [("docker", "--gpus all"), ("podman", "--device nvidia.com/gpu=all")],
)
def test_container_programs_lend_the_gpus_to_what_asks_for_them_alone(program: str, words: str) -> None:
    engine = DockerEngine(program=program, runner=Runner())
    lent = " ".join(engine.sandbox_command("asr:cuda", replace(CLOSED, gpu=True), "one").argv)
    assert words in lent
    assert lent.replace(f"{words} ", "") == " ".join(engine.sandbox_command("asr:cuda", CLOSED, "one").argv)
    asked = " ".join(engine.gpu_command("asr:cuda").argv)
    assert asked == f"{program} run --rm --network none {words} --entrypoint true asr:cuda"


def test_podman_opens_no_other_folder_than_docker() -> None:
    command = DockerEngine(program="podman", runner=Runner()).sandbox_command("asr:cpu", CLOSED, "one")
    text = " ".join(command.argv)
    assert "--read-only --cap-drop ALL --security-opt no-new-privileges" in text
    assert "--read-only-tmpfs=false --tmpfs /dev/shm:rw,nosuid,nodev,mode=1777,size=1g" in text
