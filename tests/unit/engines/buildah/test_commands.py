from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from ci.engines.buildah.commands import Buildah, BuildFiles
from ci.engines.buildah.isolation import Isolation
from ci.engines.buildah.storage import Storage
from ci.engines.docker import DockerEngine
from ci.engines.engine import BuildRequest, ContainerRun
from ci.engines.network import network_env, network_mounts, network_secrets
from ci.engines.process.command import Privilege
from ci.engines.process.namespaces import dying_with_parent
from ci.engines.process.runner import Runner
from ci.engines.program import metered, namespaces
from ci.engines.secret_files import with_secret_files

CHROOT = Isolation()
STORAGE = Storage(root="/s", run_root="/r", driver="overlay")
BUILDAH = Buildah(storage=STORAGE, tmpdir="/t")
DOCKER = DockerEngine(program="docker", runner=Runner())


def test_a_build_runs_in_namespaces_without_a_network_and_without_times_or_identity() -> None:
    request = BuildRequest(
        instructions="",
        context=Path("/c"),
        parent="p",
        build_args={"DEBS": "d"},
        folders={"n/wheelhouse:cpu": Path("/wh")},
        labels={"k": "v"},
    )
    files = BuildFiles(
        dockerfile=Path("/w/Dockerfile"),
        ignore=Path("/w/ignore"),
        image_id=Path("/w/id"),
        cpu_seconds=Path("/w/cpu"),
    )
    command = BUILDAH.build(request, files)
    meter = (sys.executable, "-I", "-S", "-B", metered.__file__, "/w/cpu", *dying_with_parent())
    assert command.argv == (
        *meter,
        *(sys.executable, "-I", "-S", "-B", namespaces.__file__, "--", "buildah", *STORAGE.options),
        *("build", *CHROOT.options(network=False), *CHROOT.profile()),
        *("--timestamp", "0", "--identity-label=false", "--http-proxy=false", "--pull=never"),
        *("--force-rm", "--ignorefile", "/w/ignore", "--layers=true", "--iidfile", "/w/id"),
        *("--build-context", "n/wheelhouse:cpu=/wh"),
        *("--build-arg", "DEBS=d", "--build-arg", "PARENT=localhost/p"),
        *("--file", "/w/Dockerfile", "/c"),
    )
    assert command.env == (("TMPDIR", "/t"),)


def test_sudo_is_told_the_environment_that_it_would_drop() -> None:
    command = Buildah(privilege=Privilege(prefix=("sudo", "-n")), tmpdir="/t").images()
    assert command.argv[:5] == ("sudo", "-n", "env", "TMPDIR=/t", "buildah")


def test_a_run_with_network_is_in_the_machines_network_and_in_namespaces_for_the_rest() -> None:
    mounts = [(Path("/a"), "/b", "ro")]
    run = ContainerRun(argv=["true"], network=True, mounts=mounts, env={"X": "1"})
    command = BUILDAH.run("c", run)
    assert command.argv == (
        *(sys.executable, "-I", "-S", "-B", namespaces.__file__, "--network", "--"),
        *("buildah", *STORAGE.options, "run", *CHROOT.options(network=True)),
        *("--volume", "/a:/b:ro", "--env", "X=1", "c", "--", "true"),
    )


def test_a_container_is_made_with_the_system_calls_of_a_step() -> None:
    command = BUILDAH.start("image", "name")
    assert command.argv[1 + len(STORAGE.options) :] == (
        "from",
        "--pull-never",
        *CHROOT.profile(),
        "--name",
        "name",
        "image",
    )


def test_a_terminal_of_its_own_is_given_only_where_one_is_asked_for() -> None:
    plain, on_terminal = (
        BUILDAH.run("c", ContainerRun(argv=["sh"]), terminal=asked) for asked in (False, True)
    )
    assert "--terminal" not in plain.argv
    assert on_terminal.argv[-4:] == ("--terminal", "c", "--", "sh")


@pytest.mark.parametrize(("runtime", "folder"), [("", "/t"), ("runc", "/dev/dockwright/tmp")])
def test_a_runtime_gives_a_terminal_through_a_socket_with_a_short_path(runtime: str, folder: str) -> None:
    buildah = replace(BUILDAH, isolation=Isolation(runtime=runtime))
    run = ContainerRun(argv=["sh"])
    assert buildah.run("c", run, terminal=True).env == (("TMPDIR", folder),)
    assert buildah.run("c", run).env == (("TMPDIR", "/t"),)


def test_certificates_reach_a_run_by_mount_and_passwords_by_a_file_of_its_own(
    tmp_path: Path,
) -> None:
    bundle = tmp_path / "ca.crt"
    bundle.write_text("-")
    index, proxy = "https://ci:password@index.example/simple", "http://ci:password@127.0.0.1:3128"
    environ = {
        "SSL_CERT_FILE": str(bundle),
        "https_proxy": proxy,
        "PIP_INDEX_URL": index,
        "SECRET": "x",
    }
    assert network_mounts(environ) == [(bundle, "/run/dockwright-ca.crt", "ro")]
    assert network_env(environ) == {
        "DOCKWRIGHT_NETWORK_FILE": "/run/dockwright-network.json",
        "SSL_CERT_FILE": "/run/dockwright-ca.crt",
        "REQUESTS_CA_BUNDLE": "/run/dockwright-ca.crt",
        "PIP_CERT": "/run/dockwright-ca.crt",
        "CURL_CA_BUNDLE": "/run/dockwright-ca.crt",
    }
    ((path, text),) = network_secrets(environ).items()
    assert path == "/run/dockwright-network.json"
    assert json.loads(text) == {"https_proxy": proxy, "PIP_INDEX_URL": index}
    run = ContainerRun(argv=["true"], secrets=network_secrets(environ))
    with with_secret_files(run, str(tmp_path)) as given:
        for argv in (BUILDAH.run("c", given).argv, DOCKER.run_command("i", given, "n").argv):
            assert "password" not in " ".join(argv)
        ((file, target, mode),) = given.mounts
        assert isinstance(file, Path)
        assert (target, mode, file.read_text(), file.stat().st_mode & 0o777) == (path, "ro", text, 0o600)
    assert not file.exists()


def test_docker_builds_the_same_request_without_network(tmp_path: Path) -> None:
    engine = DOCKER
    request = BuildRequest(
        instructions="FROM x\n", context=tmp_path, parent="small/base:k-1", build_args={"DEBS": "d"}
    )
    command = engine.build_command(request, tmp_path / "Dockerfile", tmp_path / "id")
    assert command.argv == (
        *("docker", "build", "--network", "none", "--iidfile", str(tmp_path / "id")),
        *("--file", str(tmp_path / "Dockerfile"), "--build-arg", "DEBS=d"),
        *("--build-arg", "PARENT=small/base:k-1", str(tmp_path)),
    )
    assert ("DOCKER_BUILDKIT", "1") in command.env


def test_an_image_is_taken_into_the_named_store_with_temporary_files_in_the_named_folder() -> None:
    command = BUILDAH.import_layout("/w/layout", "0a1b", "/w/storage.conf")
    assert command.argv == (
        *("skopeo", "--tmpdir", "/t", "copy", "--quiet", "oci:/w/layout"),
        "containers-storage:@0a1b",
    )
    assert command.env == (("CONTAINERS_STORAGE_CONF", "/w/storage.conf"),)
