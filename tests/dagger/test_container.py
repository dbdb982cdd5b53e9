from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import Any, get_args

import dagger
import pytest
from dagger import dag

from ci.catalog.stack import ContextFile
from ci.lower.container import Inputs, lower
from ci.lower.dockerfile import instructions
from ci.lower.script import account_script, apt_script, libraries_script, venv_script, wheels_script
from ci.plan.recipes import recipe
from ci.plan.references import debhouse_reference, wheelhouse_reference
from ci.steps.step import (
    Account,
    Apt,
    Entrypoint,
    Env,
    Files,
    From,
    Label,
    Libraries,
    Step,
    User,
    Venv,
    Wheels,
    Workdir,
)
from tests.dagger.by_calls import by_calls
from tests.dagger.by_dockerfile import by_dockerfile
from tests.dagger.image import outside
from tests.dagger.session import Call, Session
from tests.stacks import deb, image, small_stack, wheel

FROM = From(parent="outside:python", default_reference="python:3.11-slim-bookworm")
ACCOUNT = Account(name="app", uid=10001, gid=10001)
APT = Apt(name="demux", debhouse="debhouse")
VENV = Venv(path="/opt/venv", version="3.11", wheelhouse="wheelhouse:cpu")
WHEELS = Wheels(name="demux", venv="/opt/venv", python="3.11", wheelhouse="wheelhouse:cpu")
LIBRARIES = Libraries(name="demux", folders=("/opt/venv/lib/python3.11/site-packages/nvidia/*/lib",))
FILES = Files(target="/opt/app")

CONTEXT_FILES = tuple(
    ContextFile(path=path, target=target, mode=mode, sha256="0" * 64)
    for path, target, mode in (
        ("demux.py", "/opt/app/demux", "0755"),
        ("contract/a.py", "/opt/app/contract/a.py", "0644"),
        ("contract/b.py", "/opt/app/contract/b.py", "0644"),
    )
)

EXAMPLES: tuple[Step, ...] = (
    FROM,
    User(user="0:0"),
    ACCOUNT,
    APT,
    VENV,
    WHEELS,
    LIBRARIES,
    Env(values=(("PATH", "/opt/venv/bin:/usr/bin"), ("PRICE", "5 $"))),
    FILES,
    Workdir(path="/home/app"),
    Entrypoint(argv=("/usr/bin/tini", "--", "python")),
    Label(values=(("org.opencontainers.image.title", "demux"),)),
)
"""One step of each kind, in the order of a recipe."""

PARENT: list[Call] = [("container", {}), ("from", {"address": "parent"})]
CONTEXT: list[Call] = [("directory", {}), ("withNewFile", {"path": "app/demux.py", "contents": "pass"})]
WHEELHOUSE: list[Call] = [("directory", {}), ("withNewFile", {"path": "uv", "contents": "wheelhouse"})]
DEBHOUSE: list[Call] = [("directory", {}), ("withNewFile", {"path": "lists", "contents": "debhouse"})]


def inputs(wheelhouse: str = "wheelhouse:cpu", debhouse: str = "debhouse") -> Inputs:
    return Inputs(
        parent=dag.container().from_("parent"),
        context=dag.directory().with_new_file("app/demux.py", "pass"),
        folders={
            wheelhouse: dag.directory().with_new_file("uv", "wheelhouse"),
            debhouse: dag.directory().with_new_file("lists", "debhouse"),
        },
    )


def shell(commands: tuple[str, ...]) -> Call:
    return "withExec", {"args": ["sh", "-c", " && ".join(commands)]}


def mounted(house: list[Call], commands: tuple[str, ...]) -> list[Call]:
    return [
        ("withMountedDirectory", {"path": "/mnt", "source": house, "readOnly": True}),
        shell(commands),
        ("withoutMount", {"path": "/mnt"}),
    ]


def test_the_examples_hold_each_kind_of_step() -> None:
    assert {type(step) for step in EXAMPLES} == set(get_args(Step))


@pytest.mark.parametrize("step", EXAMPLES, ids=lambda step: type(step).__name__)
def test_both_lowerings_have_a_case_for_each_kind_of_step(step: Step) -> None:
    assert instructions((step,))
    assert isinstance(lower((step,), inputs()), dagger.Container)


def test_a_kind_that_no_lowering_has_is_an_error() -> None:
    class Expose:
        pass

    foreign: Any = (Expose(),)
    with pytest.raises(AssertionError, match="unreachable"):
        lower(foreign, inputs())
    with pytest.raises(AssertionError, match="unreachable"):
        instructions(foreign)


async def test_a_recipe_is_this_chain_of_calls(session: Session) -> None:
    container = lower(EXAMPLES, inputs())
    assert session.calls(await container.id()) == [
        *PARENT,
        ("withUser", {"name": "0:0"}),
        shell(account_script(ACCOUNT)),
        *mounted(DEBHOUSE, apt_script(APT)),
        *mounted(WHEELHOUSE, venv_script(VENV)),
        *mounted(WHEELHOUSE, wheels_script(WHEELS)),
        shell(libraries_script(LIBRARIES)),
        ("withEnvVariable", {"name": "PATH", "value": "/opt/venv/bin:/usr/bin"}),
        ("withEnvVariable", {"name": "PRICE", "value": "5 $"}),
        (
            "withDirectory",
            {"path": "/opt/app", "source": [*CONTEXT, ("directory", {"path": "app"})], "owner": "0:0"},
        ),
        ("withWorkdir", {"path": "/home/app"}),
        ("withEntrypoint", {"args": ["/usr/bin/tini", "--", "python"]}),
        ("withLabel", {"name": "org.opencontainers.image.title", "value": "demux"}),
    ]
    assert session.rejected == []


def shapes() -> list[tuple[Step, ...]]:
    """Return a recipe for each way that an image can begin; the ways to end are spread over them."""
    ends = [(True, True, True), (False, False, False), (True, False, False), (False, True, False)]
    stack = replace(small_stack(), user=ACCOUNT.name, uid=ACCOUNT.uid, gid=ACCOUNT.gid)
    recipes = []
    for (root, apt, wheels), (files, env, entrypoint) in zip(
        product((True, False), repeat=3), ends * 2, strict=True
    ):
        one = image(
            "demux",
            "outside:python" if root else "base:cpu",
            apt=("ffmpeg",) if apt else (),
            apt_lock=(deb("ffmpeg"),) if apt else (),
            python_lock=(wheel("torch"), wheel("demux")) if wheels else (),
            layers=(("torch",),) if wheels else (),
            libraries=("nvidia/*/lib",) if wheels else (),
            files=CONTEXT_FILES if files else (),
            env=(("STAGE", "demux"),) if env else (),
            entrypoint=("python", "/opt/app/demux") if entrypoint else (),
        )
        recipes.append(recipe(stack, one))
    return recipes


async def test_each_shape_of_a_recipe_makes_the_same_image_by_both_lowerings(session: Session) -> None:
    named = {"parent": PARENT, "context": CONTEXT, "wheelhouse": WHEELHOUSE, "debhouse": DEBHOUSE}
    stack = small_stack()
    wheelhouse, debhouse = wheelhouse_reference(stack, "cpu"), debhouse_reference(stack)
    names = {wheelhouse: "wheelhouse", debhouse: "debhouse"}
    for steps in shapes():
        parent = outside()
        parent.folder("/home/app")
        calls = session.calls(await lower(steps, inputs(wheelhouse, debhouse)).id())
        assert by_calls(calls, parent, named) == by_dockerfile(instructions(steps), parent, names)
    assert session.rejected == []
