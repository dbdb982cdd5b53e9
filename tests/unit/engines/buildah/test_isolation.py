from __future__ import annotations

import sys
from pathlib import Path

import pytest

from ci.engines.buildah import runtime
from ci.engines.buildah.isolation import DROPPED, KEPT, Isolation
from ci.engines.buildah.runtime import find_isolation, probe_config
from ci.engines.docker import DockerEngine
from ci.engines.engine import BuildRequest, ContainerRun
from ci.engines.process.runner import Runner
from ci.engines.program import namespaces
from ci.errors import EngineError

OF_ALL_KERNELS = 38
"""How many capabilities Linux has had since 3.16."""
MOUNTS = ("--volume", "/dev/dockwright/empty:/sys/fs/cgroup:ro")
HOSTS = ("--volume", "/dev/dockwright/hosts:/etc/hosts:ro")
DROP = ("--cap-drop", ",".join(f"CAP_{name}" for name in DROPPED))


def test_a_step_keeps_only_the_capabilities_that_packages_are_installed_with() -> None:
    assert KEPT == ("CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "SETFCAP", "SETGID", "SETUID")
    assert not set(KEPT) & set(DROPPED)
    assert len({*KEPT, *DROPPED}) == OF_ALL_KERNELS


def test_a_step_has_no_network_no_name_of_the_machine_and_no_control_groups() -> None:
    assert Isolation().options(network=False) == (
        *("--isolation", "chroot", "--uts", "host", *HOSTS, *MOUNTS, *DROP),
    )
    assert Isolation(runtime="crun").options(network=False) == (
        *("--isolation", "oci", "--runtime", "crun", "--network", "host", "--uts", "host"),
        *(*HOSTS, *MOUNTS, *DROP),
    )


def test_a_run_with_network_has_the_machines() -> None:
    assert Isolation(runtime="runc").options(network=True) == (
        *("--isolation", "oci", "--runtime", "runc", "--network", "host", "--uts", "host", *MOUNTS, *DROP),
    )


def test_podman_and_docker_give_a_program_the_same_capabilities_and_podman_a_step_too(tmp_path: Path) -> None:
    run = ContainerRun(argv=["true"])
    request = BuildRequest(instructions="", context=Path("/c"), parent="p")
    for program in ("podman", "docker"):
        engine = DockerEngine(program=program, runner=Runner())
        text = " ".join(engine.run_command("i", run, "n").argv)
        few = " ".join(f"--cap-add {name}" for name in KEPT)
        assert f"--cap-drop ALL {few} --security-opt no-new-privileges" in text
        build = " ".join(engine.build_command(request, tmp_path / "Dockerfile", tmp_path / "id").argv)
        few = f"{' '.join(DROP)} --security-opt seccomp={tmp_path}/seccomp.json"
        assert (f"{few} --volume {tmp_path}/nothing:/sys/fs/cgroup:ro" in build) == (program == "podman")


@pytest.mark.parametrize(
    ("isolation", "folder", "kept"),
    [
        (Isolation(), "/var/lib/x", False),
        (Isolation(), "/dev/shm/x", True),
        (Isolation(runtime="runc"), "/x", True),
    ],
)
def test_shared_memory_of_the_machine_is_kept_for_a_store_in_it_or_where_a_step_has_its_own(
    isolation: Isolation, folder: str, kept: bool
) -> None:
    program = (sys.executable, "-I", "-S", "-B", namespaces.__file__)
    found = isolation.namespaces(network=False, folders=("", folder))
    assert found == (*program, *(["--shm"] if kept else []), "--")


@pytest.mark.parametrize(
    ("works", "setting", "expected"),
    [
        ("runc crun", "auto", Isolation(runtime="runc")),
        ("crun", "auto", Isolation(runtime="crun")),
        ("crun", "oci", Isolation(runtime="crun")),
        ("", "auto", Isolation(why_chroot="runc fails: no; crun fails: no")),
        ("runc", "chroot", Isolation()),
    ],
)
def test_the_first_runtime_that_works_is_taken(
    monkeypatch: pytest.MonkeyPatch, works: str, setting: str, expected: Isolation
) -> None:
    monkeypatch.setattr(runtime, "_error", lambda name, *_: "" if name in works.split() else "fails: no")
    assert find_isolation(setting) == expected


def test_a_runtime_that_was_asked_for_and_does_not_work_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime, "_error", lambda *_: "is not installed")
    with pytest.raises(EngineError, match="oci: no OCI runtime works here: runc is not installed; crun is"):
        find_isolation("oci")


def test_a_runtime_is_tried_with_the_namespaces_and_control_groups_of_a_step() -> None:
    config = probe_config({"PATH": "/usr/bin"})
    assert [one["type"] for one in config["linux"]["namespaces"]] == ["pid", "network", "ipc", "mount"]
    kinds = [mount["type"] for mount in config["mounts"]]
    assert kinds[:5] == ["proc", "tmpfs", "sysfs", "mqueue", "cgroup"]
    assert config["process"]["noNewPrivileges"]
