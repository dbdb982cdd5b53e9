"""Deltas of a whole stack, with a resolver that answers from a table."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import pytest

from ci.catalog.stack import LockLine, Stack
from ci.errors import ConflictError, LockError
from ci.locks.choice import ReleaseFile
from ci.locks.deltas import python_deltas
from ci.locks.project import Project
from ci.locks.request import PythonRequest
from ci.locks.resolution import Distribution, Resolution
from tests.stacks import image, small_stack, wheel

STACK = replace(
    small_stack(),
    name="film",
    variants=("cpu", "cuda"),
    images=(
        image("base", "outside:python"),
        image("base", "base:cpu", "cuda"),
        image("asr", "base:cuda", "cuda"),
        image("asr", "base:cpu"),
        image("mux", "base:cpu"),
    ),
)
SIZE = 4242
NEEDS = {"torch": ("nvidia", "numpy"), "whisper": ("numpy", "av")}


def request(
    id_: str, *requirements: str, old: tuple[LockLine, ...] = (), fresh: bool = True
) -> PythonRequest:
    return PythonRequest(
        id=id_,
        title="",
        lock=f"{id_ or 'wheelhouse'}.lock",
        source="",
        inputs="",
        requirements=requirements,
        old=(),
        fresh=True,
        retitled=False,
    )


REQUESTS = (
    request("base:cpu", "numpy"),
    request("asr:cuda", "torch", "whisper"),
    request("asr:cpu", "whisper"),
    request("", "cython", "numpy"),
)


@dataclass
class Index:
    """Gives every distribution the version that `newest` says, unless a pin or constraint holds it."""

    newest: dict[str, str] = field(default_factory=dict)
    projects: list[Project] = field(default_factory=list)

    def resolve(self, project: Project, pins: Mapping[str, LockLine]) -> Resolution:
        self.projects.append(project)
        groups: dict[str, frozenset[str]] = {}
        for group in project.groups:
            names = set(groups.get(group.parent, frozenset()))
            for name in group.requirements:
                names |= {name, *NEEDS.get(name, ())}
            groups[group.name] = frozenset(names)
        constrained = dict(project.constraints)
        found = {}
        for name in set().union(*groups.values()):
            pinned = pins[name].version if name in pins else self.newest.get(name, "1.0")
            version = constrained.get(name, pinned)
            line = wheel(name, version)
            later = ReleaseFile(name=f"{name}-{version}-cp311-cp311-linux_x86_64.whl", sha256="0" * 64)
            files = (ReleaseFile(name=line.file, sha256=line.sha256, size=SIZE),)
            found[name] = Distribution(
                name=name, version=version, files=(*files, later) if name == "av" else files
            )
        return Resolution(distributions=found, groups=groups)


def never(_name: str) -> bool:
    return False


def deltas(
    index: Index,
    requests: Sequence[PythonRequest] = REQUESTS,
    stack: Stack = STACK,
    variants: tuple[str, ...] = ("cpu", "cuda"),
    movable: Callable[[str], bool] = never,
) -> dict[str, list[str]]:
    found = python_deltas(stack, requests, variants, movable, index.resolve)
    return {lock: [f"{line.name} {line.version}" for line in lines] for lock, lines in found.items()}


def test_an_image_adds_what_its_parent_lacks() -> None:
    assert deltas(Index()) == {
        "base:cpu.lock": ["numpy 1.0"],
        "asr:cuda.lock": ["av 1.0", "nvidia 1.0", "torch 1.0", "whisper 1.0"],
        "asr:cpu.lock": ["av 1.0", "whisper 1.0"],
        "wheelhouse.lock": ["cython 1.0", "numpy 1.0"],
    }


def test_the_variant_on_top_of_another_decides_first_and_the_other_keeps_to_it() -> None:
    index = Index(newest={"numpy": "2.0"})
    deltas(index)
    assert [(project.name, project.constraints) for project in index.projects] == [
        ("film-cuda", ()),
        ("film-cpu", (("numpy", "2.0"),)),
        ("film-wheelhouse", (("numpy", "2.0"),)),
    ]


def test_a_pin_stays_until_it_may_move() -> None:
    held = [replace(REQUESTS[0], old=(wheel("numpy", "0.9"),)), *REQUESTS[1:]]
    index = Index(newest={"numpy": "2.0"})
    assert deltas(index, held)["base:cpu.lock"] == ["numpy 0.9"]
    assert deltas(index, held, movable="numpy".__eq__)["base:cpu.lock"] == ["numpy 2.0"]


def test_a_file_that_came_later_moves_no_pin() -> None:
    held = [*REQUESTS[:1], replace(REQUESTS[1], old=(wheel("av"),)), *REQUESTS[2:]]
    lines = python_deltas(STACK, held, STACK.variants, never, Index().resolve)["asr:cuda.lock"]
    assert lines[0] == replace(wheel("av"), size=SIZE)  # a lock of before there were sizes gets them
    lines = python_deltas(STACK, REQUESTS, STACK.variants, never, Index().resolve)["asr:cuda.lock"]
    assert lines[0].file == "av-1.0-cp311-cp311-linux_x86_64.whl"


def test_a_variant_that_is_not_asked_for_keeps_its_locks() -> None:
    held = [replace(REQUESTS[0], old=(wheel("numpy", "0.9"),)), *REQUESTS[1:]]
    index = Index(newest={"numpy": "2.0"})
    found = deltas(index, held, variants=("cuda",), movable=lambda _: True)
    assert sorted(found) == ["asr:cuda.lock", "wheelhouse.lock"]
    assert index.projects[0].constraints == (("numpy", "0.9"),)
    stale = [replace(held[0], fresh=False), *held[1:]]
    assert deltas(index, stale, variants=("cuda",), movable=lambda _: True)["base:cpu.lock"] == ["numpy 2.0"]


def test_a_shared_image_that_needs_another_set_in_a_variant_is_an_error() -> None:
    class Odd(Index):
        def resolve(self, project: Project, pins: Mapping[str, LockLine]) -> Resolution:
            found = super().resolve(project, pins)
            if project.name == "film-cpu":
                extra = {
                    "extra": Distribution(
                        name="extra", version="1.0", files=found.distributions["numpy"].files
                    )
                }
                groups = {name: names | {"extra"} for name, names in found.groups.items()}
                return Resolution(distributions={**found.distributions, **extra}, groups=groups)
            return found

    with pytest.raises(
        LockError,
        match=r"base:cpu is shared with the variant cpu, .* packages: extra 1\.0",
    ):
        deltas(Odd())


def test_a_distribution_without_a_file_for_this_python_is_an_error() -> None:
    def resolve(project: Project, pins: Mapping[str, LockLine]) -> Resolution:
        found = Index().resolve(project, pins)
        bare = {name: replace(each, files=()) for name, each in found.distributions.items()}
        return Resolution(distributions=bare, groups=found.groups)

    with pytest.raises(LockError, match=r"numpy 1\.0 has neither a wheel .* nor an sdist"):
        python_deltas(STACK, REQUESTS, ("cpu",), never, resolve)


@dataclass
class Limits(Index):
    """An index whose distributions have two versions; a requirement `NAME<2` needs the first."""

    def resolve(self, project: Project, pins: Mapping[str, LockLine]) -> Resolution:
        self.projects.append(project)
        low = {
            one.removesuffix("<2") for group in project.groups for one in group.requirements if "<2" in one
        }
        fixed = dict(project.constraints)
        if any(fixed.get(name) == "2.0" for name in low):
            raise ConflictError(f"{project.name}: the requirements of the images do not fit together")
        groups: dict[str, frozenset[str]] = {}
        for group in project.groups:
            names = {one.removesuffix("<2") for one in group.requirements}
            groups[group.name] = groups.get(group.parent, frozenset()) | names
        versions = {}
        for name in set().union(*groups.values()):
            preferred = pins[name].version if name in pins else "2.0"
            versions[name] = "1.0" if name in low else fixed.get(name, preferred)
        found = {}
        for name, version in versions.items():
            line = wheel(name, version)
            files = (ReleaseFile(name=line.file, sha256=line.sha256),)
            found[name] = Distribution(name=name, version=version, files=files)
        return Resolution(distributions=found, groups=groups)


@pytest.mark.parametrize("held", [(), (wheel("numpy", "2.0"),)])
def test_a_shared_image_fits_all_variants_that_are_based_on_it(held: tuple[LockLine, ...]) -> None:
    requests = (
        replace(request("base:cpu", "numpy"), old=held),
        request("asr:cuda", "torch"),
        request("asr:cpu", "numpy<2"),
        request("", "cython"),
    )
    assert deltas(Limits(), requests) == {
        "base:cpu.lock": ["numpy 1.0"],
        "asr:cuda.lock": ["torch 2.0"],
        "asr:cpu.lock": [],
        "wheelhouse.lock": ["cython 2.0"],
    }


def test_what_no_order_resolves_is_the_first_error() -> None:
    class Never(Limits):
        def resolve(self, project: Project, pins: Mapping[str, LockLine]) -> Resolution:
            if project.name == "film-cpu":
                raise ConflictError(f"{project.name}: no")
            return super().resolve(project, pins)

    with pytest.raises(LockError, match="film-cpu: no"):
        deltas(Never(), (request("base:cpu", "numpy"), request("", "cython")))


def test_an_index_that_does_not_answer_is_not_asked_in_another_way() -> None:
    class Silent(Limits):
        def resolve(self, project: Project, pins: Mapping[str, LockLine]) -> Resolution:
            super().resolve(project, pins)
            raise LockError(f"{project.name}: no answer")

    index = Silent()
    with pytest.raises(LockError, match="no answer"):
        deltas(index, (request("base:cpu", "numpy"), request("", "cython")))
    assert len(index.projects) == 1
