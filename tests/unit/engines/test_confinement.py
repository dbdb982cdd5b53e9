from __future__ import annotations

from pathlib import Path

from ci.engines.confinement import confinement
from ci.engines.docker import DockerEngine
from ci.engines.engine import Closed
from ci.engines.runner import Runner

CONFIG = {
    "config": {
        "Env": ["PATH=/opt/venv/bin:/usr/bin", "EMPTY="],
        "User": "1000:1000",
        "WorkingDir": "/home/app",
        "Entrypoint": ["tini"],
    }
}
CLOSED = Closed(
    argv=("/opt/venv/bin/python", "probe.py"),
    config=CONFIG,
    mounts=((Path("/here/probe"), "/run/probe", "ro"),),
    limit_s=9.0,
)


def test_a_program_gets_the_images_environment_and_nothing_of_this_machine() -> None:
    assert confinement(CLOSED, None) == {
        "argv": ["/opt/venv/bin/python", "probe.py"],
        "env": {"PATH": "/opt/venv/bin:/usr/bin", "EMPTY": ""},
        "cwd": "/home/app",
        "user": "1000:1000",
        "binds": [["/here/probe", "/run/probe"]],
        "devices": [],
    }


def test_an_image_that_says_nothing_runs_as_root_at_its_top() -> None:
    spec = confinement(Closed(argv=("true",), config={}, limit_s=1.0), None)
    assert (spec["user"], spec["cwd"], spec["env"]) == ("", "/", {})


def test_docker_closes_a_program_in_by_its_own_options() -> None:
    command = DockerEngine(program="docker", runner=Runner()).check_command("asr:cpu", CLOSED, "one")
    assert " ".join(command.argv) == (
        "docker run --rm --name one --network none --read-only --cap-drop ALL "
        "--security-opt no-new-privileges --tmpfs /tmp:rw,nosuid,nodev,exec,mode=1777,size=1g "
        "--entrypoint /opt/venv/bin/python --volume /here/probe:/run/probe:ro asr:cpu probe.py"
    )
