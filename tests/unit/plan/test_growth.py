"""Large stacks: work grows with the number of images, and a long chain needs no recursion."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace

import pytest

from ci.catalog.stack import Stack
from ci.plan.drawing import dot_source, mermaid, tree_lines
from ci.plan.plan import Inventory, Plan, make_plan, plan_text, select
from ci.run.build.matrix import matrix
from ci.run.tasks.graph import tasks
from ci.run.tasks.history import History
from ci.run.tasks.order import critical_paths
from tests.stacks import image, small_stack

MORE_CALLS = 4.6
"""Four times the images make about four times the calls; a square would make sixteen times."""


def stack_of(number: int, parent: Callable[[int], int]) -> Stack:
    """Return a stack of `number` images; `parent` of an index is that of the image below it."""
    names = [f"i{index:05d}" for index in range(number)]
    images = tuple(
        image(name, f"{names[parent(index)]}:cpu" if index else "outside:python")
        for index, name in enumerate(names)
    )
    return replace(small_stack(), images=images)


def chain(number: int) -> Stack:
    return stack_of(number, lambda index: index - 1)


def tree(number: int) -> Stack:
    return stack_of(number, lambda index: (index - 1) // 10)


def plan_of(stack: Stack) -> Plan:
    return make_plan(stack, Inventory(), base="registry", selected=select(stack, (), ()))


def planned(stack: Stack) -> None:
    plan_text(plan_of(stack))


def jobs(stack: Stack) -> None:
    matrix(stack, plan_of(stack), remote={}, capacity=2)


def ordered(stack: Stack) -> None:
    plan = plan_of(stack)
    critical_paths(tasks(plan, History(), pushed=plan.images))


def drawn(stack: Stack) -> None:
    ids = select(stack, (), ())
    for draw in (mermaid, dot_source, tree_lines):
        draw(stack, ids)


def calls_of(work: Callable[[Stack], None], stack: Stack) -> int:
    """Return how many functions `work` calls."""
    count = 0

    def counted(_frame: object, event: str, _arg: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(counted)
    try:
        work(stack)
    finally:
        sys.setprofile(None)
    return count


@pytest.mark.parametrize("work", [planned, jobs, ordered, drawn])
@pytest.mark.parametrize("shape", [tree, chain])
def test_four_times_the_images_make_four_times_the_calls(
    work: Callable[[Stack], None], shape: Callable[[int], Stack]
) -> None:
    work(shape(10))
    assert calls_of(work, shape(240)) < MORE_CALLS * calls_of(work, shape(60))


@pytest.mark.parametrize("work", [planned, jobs, ordered])
def test_a_chain_of_3000_images_needs_no_recursion(work: Callable[[Stack], None]) -> None:
    work(chain(3000))


def test_a_chain_of_3000_images_is_drawn_with_each_below_the_one_before() -> None:
    stack = chain(3000)
    lines = tree_lines(stack, [one.id for one in stack.images])
    assert len(lines) == 3001
    assert [line.split()[-2] for line in lines[1:4]] == ["i00000:cpu", "i00001:cpu", "i00002:cpu"]
