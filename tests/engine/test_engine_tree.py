"""What verify-engines lists of a real image, held against what find and sha256sum say of it."""

from __future__ import annotations

import pytest

from ci.engines.buildah.engine import BuildahEngine
from ci.engines.engine import ContainerRun, Output
from ci.run.verify.engine_tree import differences, image_tree, known
from ci.steps.layout import ROOT
from tests.engine.conftest import BASE

pytestmark = pytest.mark.engine
FIND = ("find", "/", "-xdev", "-printf", r"%p\t%y\t%m\t%U\t%G\t%l\n")
PROGRAM = "/opt/venv/pyvenv.cfg"


async def test_every_file_of_an_image_is_listed_as_it_is(engine: BuildahEngine) -> None:
    found = await image_tree(engine, BASE, Output())
    listed = {path: entry for path, entry in found.files.items() if not known(path)}
    text = await engine.run(BASE, ContainerRun(argv=FIND, user=ROOT), Output())
    lines = [line.split("\t") for line in text.splitlines()]
    expected = {
        path: [kind, f"{int(mode, 8):04o}", int(uid), int(gid), link]
        for path, kind, mode, uid, gid, link in lines
        if path != "/" and not known(path)
    }
    assert len(expected) > 1000
    assert listed.keys() == expected.keys()
    for path, (kind, mode, uid, gid, what) in listed.items():
        link = what if kind == "l" else ""
        assert [kind, mode, uid, gid, link] == expected[path], path
    digests = ContainerRun(argv=("sha256sum", PROGRAM), user=ROOT)
    (digest, _) = (await engine.run(BASE, digests, Output())).split()
    assert found.files[PROGRAM][4] == digest


async def test_an_image_differs_from_itself_in_nothing_and_from_its_child_in_what_that_adds(
    engine: BuildahEngine,
) -> None:
    base = await image_tree(engine, BASE, Output())
    assert differences(base, await image_tree(engine, BASE, Output()), ("a", "b")) == []
    child = await image_tree(engine, "dockwright/tmdb:cpu", Output())
    found = differences(base, child, ("base", "tmdb"))
    assert [line for line in found if "only by base" in line] == []
    assert any(line.endswith(": only by tmdb") for line in found)
    assert any(line.startswith("config Labels: ") for line in found)
