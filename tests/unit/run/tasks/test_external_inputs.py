"""What comes from outside is only what the images to be built need."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from ci.plan.keys import digest, documents, tag
from ci.plan.plan import Inventory, Plan, make_plan, select
from ci.run.tasks.graph import fetched_root, input_tasks, tasks
from ci.run.tasks.history import History
from ci.run.tasks.kind import BaseTask, DebhouseTask, ImageTask, WheelhouseTask
from tests.stacks import small_stack

STACK = small_stack()
TAGS = {id_: tag(digest(document)) for id_, document in documents(STACK, "bootstrap").items()}


def plan(*names: str, present: Collection[str] = (), remote: Collection[str] = ()) -> Plan:
    return make_plan(
        STACK,
        Inventory(present={TAGS[id_] for id_ in present}, remote=remote),
        base="bootstrap",
        selected=select(STACK, names, ()),
    )


def test_from_nothing_all_of_it_is_needed() -> None:
    assert input_tasks(plan()) == {
        BaseTask(): (),
        DebhouseTask(): (BaseTask(),),
        WheelhouseTask("cpu"): (DebhouseTask(),),
    }


def test_nothing_is_needed_where_nothing_is_built() -> None:
    assert input_tasks(plan(present=TAGS)) == {}


def test_an_image_that_adds_no_packages_needs_nothing() -> None:
    bare = [image.id for image in STACK.images if not image.python_lock and not image.apt]
    assert bare
    there = set(TAGS) - {bare[0]}
    found = plan(bare[0], present=there)
    assert [one.id for one in found.to_build] == [bare[0]]
    assert input_tasks(found) == {}


def test_a_parent_that_only_the_registry_has_is_fetched_by_its_own_task() -> None:
    bare = next(image for image in STACK.images if not image.python_lock and not image.apt)
    found = plan(bare.id, remote=set(TAGS) - {bare.id})
    actions = {one.id: one.action for one in found.images}
    assert actions[bare.id] == "build"
    assert actions[bare.parent] == "fetch"
    by_id = {task.id: task for task in tasks(found, History())}
    assert by_id[bare.id].needs == (bare.parent,)


def test_what_fetches_runs_on_a_root_image_of_the_registry_without_the_base() -> None:
    leaf = next(image for image in STACK.images if image.python_lock and not image.is_root)
    found = plan(leaf.id, remote=set(TAGS) - {leaf.id})
    root = fetched_root(found)
    assert root is not None
    assert root.image.is_root
    assert input_tasks(found) == {
        DebhouseTask(): (ImageTask(root.id),),
        WheelhouseTask(leaf.variant): (DebhouseTask(),),
    }


def test_what_compiles_needs_the_base_itself() -> None:
    leaf = next(image for image in STACK.images if image.python_lock and not image.is_root)
    line = replace(leaf.python_lock[0], file="package-1.0.tar.gz")
    found = plan(leaf.id, remote=set(TAGS) - {leaf.id})
    changed = tuple(
        replace(one, image=replace(one.image, python_lock=(line,))) if one.id == leaf.id else one
        for one in found.images
    )
    assert BaseTask() in input_tasks(replace(found, images=changed))


def test_what_is_pushed_goes_after_its_parent() -> None:
    found = plan()
    by_id = {task.id: task for task in tasks(found, History(), pushed=found.images)}
    for one in found.images:
        above = () if one.image.is_root else (f"push/{one.image.parent}",)
        assert by_id[f"push/{one.id}"].needs == (one.id, *above)
