"""Hostile code in build steps, in a shell and in checks: what it reaches of the machine."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from ci.cli.doctor.probe import STATIC
from ci.engines.buildah.engine import BuildahEngine
from ci.engines.buildah.isolation import Isolation
from ci.engines.engine import BuildRequest, ContainerRun, Output, SandboxedProgram
from ci.engines.process.command import Command
from ci.engines.process.namespaces import confined_to
from ci.lower.script import MOUNT, apt_script
from ci.steps.step import Apt
from tests.engine.conftest import BASE
from tests.engine.machine_to_attack import MOUNTED, SECRET, Machine, machine_to_attack

pytestmark = pytest.mark.engine

REFERENCE = "dockwright/attack:cpu"
CHROOT_SHOWS = {"engine_processes"}
"""What chroot isolation does not hide: Buildah's own processes, which a step can look at and not change."""
KEPT = 0x800000FB
"""The capabilities that a step has: CHOWN, DAC_OVERRIDE, FOWNER, FSETID, KILL, SETGID, SETUID, SETFCAP."""

OF_A_USER_NAMESPACE = {"mounts", "namespaces"}
"""What root of a user namespace may do, in it."""


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Machine]:
    monkeypatch.setenv("DOCKWRIGHT_REGISTRY_PASSWORD", SECRET)
    with machine_to_attack(tmp_path) as found:
        yield found


@pytest.fixture(params=["oci", "chroot"])
def isolated(engine: BuildahEngine, request: pytest.FixtureRequest) -> BuildahEngine:
    """Give the engine with one of the isolations; `oci` is what this machine takes by itself."""
    if request.param == "chroot":
        return with_isolation(engine, Isolation())
    if not engine.buildah.isolation.runtime:
        pytest.skip(f"only chroot isolation works here: {engine.buildah.isolation.why_chroot}")
    return engine


def with_isolation(engine: BuildahEngine, isolation: Isolation) -> BuildahEngine:
    return replace(engine, buildah=replace(engine.buildah, isolation=isolation))


def shown(engine: BuildahEngine) -> set[str]:
    return set() if engine.buildah.isolation.runtime else CHROOT_SHOWS


def request_of(instructions: str, context: Path, mounted: Path) -> BuildRequest:
    text = f"ARG PARENT\nFROM ${{PARENT}}\nUSER 0:0\n{instructions}"
    folders = {REFERENCE: mounted}
    return BuildRequest(instructions=text, context=context, parent=BASE, folders=folders, cache=False)


async def test_a_build_step_reaches_nothing_of_the_machine(
    isolated: BuildahEngine, machine: Machine, tmp_path: Path
) -> None:
    lines: list[str] = []
    step = f"RUN --mount=type=bind,from={REFERENCE},target={MOUNTED} {' '.join(machine.command)}\n"
    await isolated.build(request_of(step, tmp_path, machine.folder), Output(on_line=lines.append))
    found = machine.result("\n".join(lines))
    assert found["achieved"].keys() <= shown(isolated), found
    assert (found["state"]["NoNewPrivs"], found["state"]["Seccomp"]) == ("1", "2")
    assert {int(found["state"][name], 16) for name in ("CapEff", "CapBnd")} == {KEPT}
    assert found["loopback"]


async def test_a_program_in_a_container_reaches_nothing_of_the_machine(
    isolated: BuildahEngine, machine: Machine
) -> None:
    mounts = [(machine.folder, MOUNTED, "ro")]
    run = ContainerRun(argv=list(machine.command), mounts=mounts, user="0:0")
    found = machine.result(await isolated.run(BASE, run, Output()))
    assert found["achieved"].keys() <= shown(isolated), found
    assert found["loopback"]


async def test_isolations_leave_the_same_layers_in_an_image_that_has_no_files_but_a_program(
    engine: BuildahEngine, tmp_path: Path
) -> None:
    if not engine.buildah.isolation.runtime:
        pytest.skip(f"only chroot isolation works here: {engine.buildah.isolation.why_chroot}")
    program = next((path for path in STATIC if Path(path).is_file()), None)
    if program is None:
        pytest.skip("no statically linked program is here")
    with tarfile.open(tmp_path / "root.tar", "w") as archive:
        archive.add(Path(program).resolve(), "tool", recursive=False)
    bare = f"dockwright/bare:{os.getpid()}"
    found = []
    try:
        await engine.import_root(tmp_path / "root.tar", bare, {"PATH": "/"}, Output())
        for isolation in (engine.buildah.isolation, Isolation()):
            one = with_isolation(engine, isolation)
            step = replace(request_of('RUN ["/tool", "-V"]\n', tmp_path, tmp_path), parent=bare)
            found.append((await one.inspect(await one.build(step, Output()))).layers)
    finally:
        await engine.store.remove_images(bare)
    assert found[0] == found[1]


async def test_a_check_reaches_nothing_of_the_machine(engine: BuildahEngine, machine: Machine) -> None:
    image = (await engine.images())[BASE]
    config = (await engine.inspect(image)).config["config"]
    program = SandboxedProgram(
        argv=machine.command,
        config={"config": {**config, "User": "0"}},
        mounts=[(machine.folder, MOUNTED, "ro")],
        limit_s=60.0,
    )
    found = machine.result((await engine.run_sandboxed(image, program, Output())).output)
    assert found["achieved"] == {}
    assert found["loopback"]


@pytest.mark.skipif(not Path("/usr/bin/python3").exists(), reason="Debian's Python is not here")
async def test_a_maintainer_script_that_leaves_the_root_of_a_new_base_reaches_nothing_of_the_machine(
    engine: BuildahEngine, machine: Machine, tmp_path: Path
) -> None:
    output = tmp_path / "output"
    prefix = confined_to([str(machine.folder)], scratch=str(tmp_path), output=str(output))
    argv = ("/usr/bin/python3", str(machine.folder / "attack.py"), str(machine.folder / "targets.json"))
    command = Command(argv=(*engine.buildah.pid_namespace, *prefix, *argv))
    await engine.runner.run(command.privileged(engine.privilege.prefix))
    found = machine.result(output.read_text())
    assert found["achieved"].keys() <= OF_A_USER_NAMESPACE, found
    assert sorted(path.name for path in tmp_path.iterdir()) == ["canary", "output", "program"]


BELOW = """\
mount -t tmpfs -o mode=1777 tmpfs "$1"/below
shift
exec "$@"
"""
"""Runs a command where another file system, open to everybody, is mounted in a folder."""


async def test_what_is_mounted_in_a_folder_that_a_confined_program_reads_is_not_written_to(
    engine: BuildahEngine, tmp_path: Path
) -> None:
    folder, output = tmp_path / "folder", tmp_path / "output"
    (folder / "below").mkdir(parents=True)
    prefix = confined_to([str(folder)], scratch=str(tmp_path), output=str(output))
    argv = ("sh", "-c", f"if touch {folder}/below/file; then echo written; else echo refused; fi")
    before = ("unshare", "--mount", "--", "sh", "-ec", BELOW, "sh", str(folder))
    command = Command(argv=(*engine.buildah.pid_namespace, *before, *prefix, *argv))
    await engine.runner.run(command.privileged(engine.privilege.prefix))
    assert output.read_text() == "refused\n"


POSTINST = """\
#!/bin/sh -e
update-alternatives --install /usr/bin/thing thing /usr/lib/thing/thing 1 \\
  --slave /usr/share/man/man1/thing.1.gz thing.1.gz /usr/lib/thing/thing.1.gz
test "$(hostname)" = localhost
perl -MIO::Socket::INET -e 'my $s = IO::Socket::INET->new(Listen => 1, LocalAddr => "localhost") or die $!;
  IO::Socket::INET->new(PeerAddr => "127.0.0.1", PeerPort => $s->sockport) or die $!;'
"""
"""Of a package as Java and Postfix are: a link to a man page, and a server of its own on loopback."""


def package(folder: Path) -> Path:
    """Make a Debian package whose maintainer script needs folders of man pages and loopback."""
    tree = folder / "tree"
    for path, text in (
        ("DEBIAN/control", "Package: thing\nVersion: 1\nArchitecture: all\nMaintainer: T <t@t.invalid>\n"),
        ("DEBIAN/postinst", POSTINST),
        ("usr/lib/thing/thing", "#!/bin/sh\n"),
        ("usr/lib/thing/thing.1.gz", ""),
    ):
        (tree / path).parent.mkdir(parents=True, exist_ok=True)
        (tree / path).write_text(text + "Description: thing\n" * path.endswith("control"))
        (tree / path).chmod(0o755 if path.endswith(("postinst", "thing")) else 0o644)
    deb = folder / "debs/thing_1_all.deb"
    deb.parent.mkdir()
    subprocess.run(("dpkg-deb", "--root-owner-group", "--build", tree, deb), check=True, capture_output=True)
    return deb


@pytest.mark.skipif(shutil.which("dpkg-deb") is None, reason="dpkg-deb is not here")
async def test_a_package_that_links_a_man_page_and_talks_to_itself_is_installed_in_a_slim_image(
    isolated: BuildahEngine, tmp_path: Path
) -> None:
    deb = package(tmp_path)
    (tmp_path / "lists").mkdir()
    (tmp_path / "lists/thing.txt").write_text(f"./debs/{deb.name}\n")
    digest = hashlib.sha256(deb.read_bytes()).hexdigest()
    (tmp_path / "lists/thing.sha256").write_text(f"{digest}  debs/{deb.name}\n")
    script = " && ".join(apt_script(Apt(name="thing", debhouse="debs")))
    look = "RUN ls /usr/share/man/* && readlink /usr/share/man/man1/thing.1.gz\n"
    step = f"RUN --mount=type=bind,from={REFERENCE},target={MOUNT} {script}\n{look}"
    lines: list[str] = []
    await isolated.build(request_of(step, tmp_path, tmp_path), Output(on_line=lines.append))
    start = next(i for i, line in enumerate(lines) if line.startswith("STEP") and "readlink" in line)
    shown = [line for line in lines[start + 1 :] if not line.startswith(("COMMIT", "-->"))]
    assert shown == ["thing.1.gz", "/etc/alternatives/thing.1.gz"]
