"""What is installed is checked in the step that installs it, and no step can change it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from ci.engines.buildah.engine import BuildahEngine
from ci.engines.engine import BuildRequest, ContainerRun, Output
from ci.errors import CommandError
from ci.lower.digest_args import DEBS_ARG
from ci.lower.dockerfile import instructions
from ci.steps.layout import ROOT
from ci.steps.step import Apt, From, User
from ci.wheelhouse.manifest import read_manifest
from ci.wheelhouse.program.content_store import open_content_store
from ci.wheelhouse.program.package_folder import PackageFolder
from tests.engine.conftest import BASE

pytestmark = pytest.mark.engine
DEBHOUSE = "tests/debhouse"
FILE = "note_1.0_all.deb"


def deb(folder: Path, note: str) -> bytes:
    """Return a Debian package with one file; those of notes of one length have one size."""
    tree = folder / note
    (tree / "DEBIAN").mkdir(parents=True)
    control = "Package: note\nVersion: 1.0\nArchitecture: all\nMaintainer: t <t@test>\nDescription: x\n"
    (tree / "DEBIAN/control").write_text(control)
    (tree / "opt").mkdir()
    (tree / "opt/note").write_text(note)
    target = folder / f"{note}.deb"
    argv = ("dpkg-deb", "--root-owner-group", "-Znone", "--build", str(tree), str(target))
    subprocess.run(argv, check=True, capture_output=True)
    return target.read_bytes()


def rewrite(path: Path, data: bytes) -> None:
    """Write other content into a file, in place, and give it its old time."""
    before = path.stat()
    assert before.st_size == len(data)
    with path.open("r+b") as file:
        file.write(data)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def request(house: Path, context: Path) -> BuildRequest:
    steps = (
        From(parent="base:cpu", default_reference=""),
        User(user=ROOT),
        Apt(name="note", debhouse=DEBHOUSE),
    )
    return BuildRequest(
        instructions="\n".join(instructions(steps)) + "\n",
        context=context,
        parent=BASE,
        build_args={DEBS_ARG: read_manifest(house).part("note")},
        folders={DEBHOUSE: house},
        cache=False,
    )


async def test_a_deb_that_was_rewritten_with_its_old_size_and_time_is_not_installed(
    engine: BuildahEngine, tmp_path: Path
) -> None:
    right, wrong = deb(tmp_path, "right"), deb(tmp_path, "wrong")
    store, house, context = open_content_store(tmp_path / "inputs", {}), tmp_path / "house", tmp_path / "none"
    context.mkdir()
    folder = PackageFolder(house, store)
    folder.write(f"debs/{FILE}", right)
    folder.list("note", [f"debs/{FILE}"], f"./debs/{FILE}\n", checked=[f"debs/{FILE}"])
    folder.close("i")
    asked = request(house, context)
    built = await engine.build(asked, Output())
    run = ContainerRun(argv=["cat", "/opt/note"])
    assert await engine.run(built, run, Output()) == "right"
    rewrite(house / "debs" / FILE, wrong)
    with pytest.raises(CommandError, match=rf"{FILE}: FAILED"):
        await engine.build(asked, Output())
    sums = house / "lists/note.sha256"
    rewrite(house / "debs" / FILE, right)
    rewrite(sums, sums.read_bytes()[::-1])
    with pytest.raises(CommandError, match=r"lists/note\.sha256: FAILED"):
        await engine.build(asked, Output())


async def test_no_step_and_no_run_writes_to_what_it_is_given(engine: BuildahEngine, tmp_path: Path) -> None:
    house = tmp_path / "house"
    house.mkdir()
    (house / "file").write_text("old")
    attack = (
        "echo new > /mnt/file || mount -o remount,bind,rw /mnt && echo new > /mnt/file; rm -f /mnt/file; true"
    )
    text = f"ARG PARENT\nFROM ${{PARENT}}\nUSER 0:0\nRUN --mount=type=bind,from=h,target=/mnt {attack}\n"
    await engine.build(
        BuildRequest(instructions=text, context=house, parent=BASE, folders={"h": house}, cache=False),
        Output(),
    )
    assert (house / "file").read_text() == "old"
    mounts = ((house, "/mnt", "ro"),)
    await engine.run(BASE, ContainerRun(argv=["sh", "-c", attack], mounts=mounts, user=ROOT), Output())
    assert (house / "file").read_text() == "old"
