from __future__ import annotations

import json
import sys
from pathlib import Path

from ci.engines.buildah.commands import Buildah, BuildFiles
from ci.engines.buildah.containers import (
    Container,
    container_name,
    containers_of,
    listed_containers,
    unfinished,
)
from ci.engines.buildah.storage import Storage
from ci.engines.engine import BuildRequest
from ci.engines.process.command import Privilege
from ci.engines.program import namespaces

STORAGE = Storage(root="/s", run_root="/r", driver="overlay")
RUN = "20261124-090807-4711-0a1b2c3d"
MARKER = Path(f"/state/live-runs/{RUN}")


def one(id_: str, name: str, *, recorded: bool = True) -> Container:
    return Container(id=id_, name=name, recorded=recorded)


def test_containers_are_ours_by_their_name_or_their_record_and_no_other_way() -> None:
    listed = [
        one("a", container_name(RUN)),
        one("b", "base-working-container"),
        one("c", "base-working-container-1"),
        one("d", container_name("20261124-090807-4711-ffffffff")),
    ]
    found = "/store/overlay-containers/b/userdata/buildah.json\n"
    assert containers_of(listed, [RUN], found) == {"a", "b"}


def test_one_without_a_record_is_a_builds_only_by_such_a_name() -> None:
    listed = [
        one("a", "base-working-container", recorded=False),
        one("b", "k-1-working-container-7", recorded=False),
        one("c", "my-database", recorded=False),
        one("d", "base-working-container"),
    ]
    assert unfinished(listed) == {"a", "b"}


def test_what_buildah_prints_is_read() -> None:
    row = {"id": "a", "builder": True, "imageid": "i", "imagename": "scratch", "containername": "working"}
    assert listed_containers(json.dumps([row])) == (one("a", "working"),)
    assert listed_containers("null\n") == ()


def test_a_build_carries_its_run_marker_outside_the_image_and_every_command_has_a_pid_namespace() -> None:
    privilege = Privilege(prefix=("sudo", "-n"))
    buildah = Buildah(
        pid_namespace=("unshare", "--pid", "--"),
        privilege=privilege,
        storage=STORAGE,
        run_marker=str(MARKER),
    )
    command = buildah.build(
        BuildRequest(instructions="", context=Path("c"), parent="p"),
        BuildFiles(dockerfile=Path("f"), ignore=Path("n"), image_id=Path("i"), cpu_seconds=Path("p")),
    )
    text = " ".join(command.argv)
    assert text.startswith(f"sudo -n {sys.executable} -I ")
    start = f"{sys.executable} -I -S -B {namespaces.__file__} -- buildah {' '.join(STORAGE.options)}"
    assert f" unshare --pid -- {start} build " in text
    assert f"--secret id=dockwright-run,src={MARKER} " in text
    assert buildah.images().argv == (
        *("sudo", "-n", "unshare", "--pid", "--", "buildah", *STORAGE.options),
        *("images", "--json", "--no-trunc"),
    )
    found = buildah.containers_of([MARKER])
    assert found.argv[2:] == (
        *("grep", "-rlF", "--include=buildah.json"),
        *("-e", f"id=dockwright-run,src={MARKER}", "/s/overlay-containers"),
    )
