"""Both lowerings of a recipe make the same image: the same tree and config, of all images of the stack."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from ci.catalog.load import load_stack
from ci.catalog.stack import Stack
from ci.lower.container import lower
from ci.lower.dockerfile import instructions
from ci.plan.recipes import recipe
from ci.plan.references import debhouse_reference, wheelhouse_reference
from ci.steps.step import (
    Account,
    Apt,
    Env,
    Files,
    From,
    Libraries,
    Step,
    User,
    Venv,
    Wheels,
    Workdir,
)
from tests.dagger.by_calls import by_calls
from tests.dagger.by_dockerfile import by_dockerfile
from tests.dagger.image import Image, outside
from tests.dagger.session import Session
from tests.dagger.stand_in import stand_ins

STACK = Path(__file__).parents[2] / "docker"
PROGRAMS = (Account, Apt, Venv, Wheels, Libraries)
SEEN = (Env, User, Workdir)
"""What a program sees of the config."""


@pytest.fixture(scope="module")
def stack() -> Stack:
    return load_stack(STACK)


async def by_dagger(session: Session, steps: tuple[Step, ...], parent: Image) -> Image:
    inputs, named = await stand_ins(session)
    calls = session.calls(await lower(steps, inputs).id())
    assert session.rejected == []
    return by_calls(calls, parent, named)


def by_text(stack: Stack, steps: tuple[Step, ...], parent: Image) -> Image:
    names = {wheelhouse_reference(stack, variant): "wheelhouse" for variant in stack.variants}
    names[debhouse_reference(stack)] = "debhouse"
    return by_dockerfile(instructions(steps), parent, names)


def parents(stack: Stack) -> dict[str, Image]:
    """Return what each image of the stack starts from."""
    made: dict[str, Image] = {}
    found = {}
    for image in stack.images:
        found[image.id] = outside() if image.is_root else made[image.parent]
        made[image.id] = by_text(stack, recipe(stack, image), found[image.id])
    return found


async def test_every_image_is_the_same_by_both(session: Session, stack: Stack) -> None:
    made: dict[str, Image] = {}
    for image in stack.images:
        parent = outside() if image.is_root else made[image.parent]
        steps = recipe(stack, image)
        made[image.id] = by_text(stack, steps, parent)
        assert await by_dagger(session, steps, parent) == made[image.id], image.id
    assert len(made) == 22


@pytest.mark.parametrize("id_", ["base:cpu", "base-ml:cuda", "demux:cpu", "asr:cuda"])
async def test_a_step_that_one_of_them_drops_is_seen(session: Session, stack: Stack, id_: str) -> None:
    steps, parent = recipe(stack, stack.get(id_)), parents(stack)[id_]
    whole = by_text(stack, steps, parent)
    for number, step in enumerate(steps):
        if isinstance(step, From) or not _matters(steps, number, parent):
            continue
        without = (*steps[:number], *steps[number + 1 :])
        assert await _or_none(session, without, parent) != whole, step


def _matters(steps: tuple[Step, ...], number: int, parent: Image) -> bool:
    """Whether a step changes anything: a user may be the one before it again."""
    before = [step.user for step in steps[:number] if isinstance(step, User)]
    step = steps[number]
    return not isinstance(step, User) or step.user != (before or [parent.user])[-1]


@pytest.mark.parametrize("id_", ["base:cpu", "base-ml:cuda", "demux:cpu", "asr:cuda"])
async def test_two_steps_that_one_of_them_swaps_are_seen(session: Session, stack: Stack, id_: str) -> None:
    steps, parent = recipe(stack, stack.get(id_)), parents(stack)[id_]
    whole = by_text(stack, steps, parent)
    swapped = 0
    for number, (one, other) in enumerate(pairwise(steps)):
        kinds = {type(one), type(other)}
        if not kinds & {*PROGRAMS} or not kinds <= {*PROGRAMS, *SEEN, Files}:
            continue  # the config, and files beside it, are the same in any order
        if not all(_matters(steps, at, parent) for at in (number, number + 1)):
            continue
        mixed = (*steps[:number], other, one, *steps[number + 2 :])
        assert await _or_none(session, mixed, parent) != whole, (one, other)
        swapped += 1
    assert swapped >= 1


async def _or_none(session: Session, steps: tuple[Step, ...], parent: Image) -> Image | None:
    """Return the image, None where a program of it could not have run."""
    try:
        return await by_dagger(session, steps, parent)
    except AssertionError:
        return None


async def test_files_at_another_place_are_seen(session: Session, stack: Stack) -> None:
    steps, parent = recipe(stack, stack.get("asr:cuda")), parents(stack)["asr:cuda"]
    other = tuple(replace(step, target="/opt/else") if isinstance(step, Files) else step for step in steps)
    assert other != steps
    assert await by_dagger(session, other, parent) != by_text(stack, steps, parent)
