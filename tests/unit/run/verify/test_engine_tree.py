from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from ci.engines.engine import ContainerRun, ImageInfo, Output
from ci.run.verify.engine_tree import (
    EXCEPTIONS,
    FIELDS,
    ImageTree,
    differences,
    image_tree,
    known,
)
from ci.run.verify.engines import Verdict, verdicts

NAMES = ("buildah", "dagger")
FILE = ["f", "0644", 0, 0, "aa"]
LINK = ["l", "0777", 0, 0, "python3.11"]
CONFIG: dict[str, Any] = dict.fromkeys(FIELDS)


def tree(files: Mapping[str, list[Any]], **config: Any) -> ImageTree:
    return ImageTree(files=files, config={**CONFIG, **config})


def test_equal_images_differ_in_nothing() -> None:
    one = tree({"/etc/a": FILE, "/usr/bin/python3": LINK}, User="10001")
    assert differences(one, tree(dict(one.files), User="10001"), NAMES) == []


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        (
            ["d", "0644", 0, 0, ""],
            "kind 'f' by buildah, 'd' by dagger; content 'aa' by buildah, '' by dagger",
        ),
        (["f", "0755", 0, 0, "aa"], "mode '0644' by buildah, '0755' by dagger"),
        (["f", "4644", 0, 0, "aa"], "mode '0644' by buildah, '4644' by dagger"),
        (["f", "0644", 7, 0, "aa"], "owner 0 by buildah, 7 by dagger"),
        (["f", "0644", 0, 7, "aa"], "group 0 by buildah, 7 by dagger"),
        (["f", "0644", 0, 0, "bb"], "content 'aa' by buildah, 'bb' by dagger"),
    ],
)
def test_what_differs_of_a_file_is_named(entry: list[Any], said: str) -> None:
    assert differences(tree({"/etc/a": FILE}), tree({"/etc/a": entry}), NAMES) == [f"/etc/a: {said}"]


def test_where_a_link_points_is_compared() -> None:
    other = tree({"/usr/bin/python3": [*LINK[:4], "python3.12"]})
    assert differences(tree({"/usr/bin/python3": LINK}), other, NAMES) == [
        "/usr/bin/python3: content 'python3.11' by buildah, 'python3.12' by dagger"
    ]


def test_a_path_of_one_side_alone_is_named_with_its_side() -> None:
    found = differences(tree({"/a": FILE, "/b": FILE}), tree({"/b": FILE, "/c": FILE}), NAMES)
    assert found == ["/a: only by buildah", "/c: only by dagger"]


@pytest.mark.parametrize("field", FIELDS)
def test_each_field_of_a_config_is_compared(field: str) -> None:
    assert differences(tree({}), tree({}, **{field: ["x"]}), NAMES) == [
        f"config {field}: None by buildah, ['x'] by dagger"
    ]


@pytest.mark.parametrize(
    ("path", "may_differ"),
    [
        ("/etc/hosts", True),
        ("/etc/hostname", True),
        ("/etc/resolv.conf", True),
        ("/etc/resolv-conf", False),
        ("/etc/hosts.allow", False),
        ("/opt/etc/hosts", False),
        ("/mnt", True),
        ("/mnt/wheels", False),
        ("/run/dockwright-tree", True),
        ("/proc", True),
        ("/dev/null", True),
        ("/sys/fs", True),
        ("/run/lock", True),
        ("/running", False),
        ("/opt/venv/run", False),
        ("/etc/ssl/certs/0.pem", False),
    ],
)
def test_an_exception_holds_for_its_paths_alone(path: str, may_differ: bool) -> None:
    assert known(path) == may_differ
    assert bool(differences(tree({path: FILE}), tree({}), NAMES)) != may_differ


def test_each_exception_has_its_reason() -> None:
    assert [one.path for one in EXCEPTIONS if len(one.reason.split()) < 5] == []


def test_every_engine_is_held_against_the_first() -> None:
    first, same, other = tree({"/a": FILE}), tree({"/a": FILE}), tree({})
    assert verdicts({"buildah": {"x:cpu": first}, "docker": {"x:cpu": same}, "dagger": {"x:cpu": other}}) == [
        Verdict(image="x:cpu", engine="docker", files=1, differences=[]),
        Verdict(image="x:cpu", engine="dagger", files=0, differences=["/a: only by buildah"]),
    ]


class Listing:
    """An engine whose one program prints a tree."""

    def __init__(self, config: dict[str, Any]) -> None:
        self.config = config
        self.asked: list[Any] = []

    async def run(self, image: str, run: ContainerRun, _output: Output) -> str:
        ((folder, *mount),) = run.mounts
        assert isinstance(folder, Path)
        self.asked.append((image, run.argv, tuple(mount), run.user, sorted(folder.glob("tree.py"))))
        return json.dumps({"/a": FILE})

    async def inspect(self, image: str) -> ImageInfo:
        return ImageInfo(id="", config={"config": self.config}, layers=())


async def test_a_tree_is_listed_by_root_and_an_environment_in_any_order_is_one() -> None:
    engine = Listing({"Env": ["B=2", "A=1"], "Labels": {}, "StopSignal": "SIGINT"})
    found = await image_tree(engine, "x:cpu", Output())  # type: ignore[arg-type] # all that it is asked for
    assert found == tree({"/a": FILE}, Env=["A=1", "B=2"], StopSignal="SIGINT")
    ((image, argv, mount, user, programs),) = engine.asked
    assert (image, argv[-1], mount, user) == (
        "x:cpu",
        "/run/dockwright-tree/tree.py",
        ("/run/dockwright-tree", "ro"),
        "0:0",
    )
    assert len(programs) == 1
