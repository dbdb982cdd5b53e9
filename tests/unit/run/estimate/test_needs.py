"""What a run needs, from the locks and from earlier builds."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

from ci.catalog.stack import Stack
from ci.plan.plan import Inventory, Plan, PlannedImage, make_plan
from ci.run.estimate.file_system import FileSystem, Where
from ci.run.estimate.needs import (
    DEB_UNPACKED,
    LARGE_WHEEL_UNPACKED,
    ON_DISK,
    SMALL_BYTES,
    WHEEL_UNPACKED,
    Available,
    Estimate,
    TaskNeed,
    estimate,
    expected_seconds,
    from_nothing,
    short_of,
)
from ci.run.tasks.kind import ImageTask, WheelhouseTask
from ci.run.tasks.task import Task
from ci.run.workspace.base_kind import root_image
from ci.run.workspace.image_record import ImageRecord
from tests.stacks import sha, small_stack, wheel, with_image

MB = 10**6
ALL: tuple[Where, ...] = ("store", "temporary files", "state")
SIZED = with_image(
    with_image(small_stack(), "base:cpu", python_lock=(replace(wheel("numpy"), size=20 * MB),)),
    "ml:cpu",
    python_lock=(replace(wheel("onnx"), size=10 * MB), replace(wheel("torch"), size=900 * MB)),
)


def planned(stack: Stack, *ids: str) -> Plan:
    chosen = ids or tuple(image.id for image in stack.images)
    return make_plan(stack, Inventory(), base="bootstrap", selected=chosen)


def nothing(_: PlannedImage) -> ImageRecord | None:
    return None


def held(
    fetched: Collection[str] = (), images: Collection[str] = (), records: dict[str, ImageRecord] | None = None
) -> Available:
    def record(one: PlannedImage) -> ImageRecord | None:
        return (records or {}).get(one.id)

    return Available(
        fetched=fetched,
        images=images,
        built=record,
        earlier=record,
        root_image=root_image(small_stack(), "bootstrap"),
    )


def recorded(plan: Plan, sizes: dict[str, list[int]]) -> dict[str, ImageRecord]:
    layers: dict[str, tuple[tuple[str, int], ...]] = {}
    for one in plan.images:
        own = tuple((sha(f"{one.id} {n}"), size) for n, size in enumerate(sizes.get(one.id, [])))
        layers[one.id] = (*layers.get(one.image.parent, ((sha("root"), 120 * MB),)), *own)
    return {
        one.id: ImageRecord(document=one.document, layers=layers[one.id], config_digest="")
        for one in plan.images
    }


def test_from_nothing_all_is_fetched_once_and_every_layer_counts() -> None:
    run = estimate(SIZED, planned(SIZED, "base:cpu", "ml:cpu"), held(), capacity=2)
    needs = run.by_task
    assert list(needs) == ["base-system", "debhouse", "wheelhouse/cpu", "base:cpu", "ml:cpu"]
    assert (needs["base-system"].files, needs["base-system"].fetch_bytes) == (2, 2000)
    assert (needs["debhouse"].files, needs["debhouse"].fetch_bytes) == (1, 1000)
    assert needs["wheelhouse/cpu"].fetch_bytes == 930 * MB
    layer = int(10 * MB * WHEEL_UNPACKED) + int(900 * MB * LARGE_WHEEL_UNPACKED)
    assert needs["ml:cpu"].persistent == {"store": int(layer * ON_DISK) + SMALL_BYTES}
    assert needs["ml:cpu"].transient == {"store": layer + SMALL_BYTES, "temporary files": 2 * layer}
    assert run.fetch_bytes == 930 * MB + 3000
    assert run.images == 2


def test_what_was_fetched_is_not_fetched_again_and_a_name_says_nothing() -> None:
    plan = planned(SIZED, "ml:cpu")
    numpy, onnx = SIZED.images[0].python_lock[0], SIZED.images[1].python_lock[0]
    run = estimate(SIZED, plan, held(fetched={numpy.sha256, onnx.file}), capacity=1)
    assert run.by_task["wheelhouse/cpu"].fetch_bytes == 910 * MB


def test_a_bundle_and_a_store_that_has_the_base_leave_nothing_to_fetch() -> None:
    there = replace(held(images={root_image(small_stack(), "bootstrap")}), bundle=True)
    run = estimate(SIZED, planned(SIZED), there, capacity=1)
    assert (run.files, run.fetch_bytes) == (0, 0)
    assert run.by_task["base-system"] == TaskNeed(task="base-system")


def test_images_that_share_their_debian_packages_have_one_layer_of_them() -> None:
    stack = replace(SIZED, images=(*SIZED.images, replace(SIZED.images[2], image="mux2")))
    run = estimate(stack, planned(stack, "base:cpu", "mux:cpu", "mux2:cpu"), held(), capacity=1)
    debs = int(2000 * DEB_UNPACKED)
    assert run.by_task["mux:cpu"].persistent == {"store": int(debs * ON_DISK) + SMALL_BYTES}
    assert run.by_task["mux2:cpu"].persistent == {"store": SMALL_BYTES}


def test_a_changed_program_needs_little_since_the_layers_below_are_found_again() -> None:
    before = planned(SIZED)
    records = recorded(before, {"ml:cpu": [700 * MB]})
    changed = with_image(SIZED, "ml:cpu", entrypoint=("python", "/opt/app/other.py"))
    little: dict[Where, int] = {"store": SMALL_BYTES}
    run = estimate(changed, planned(changed, "ml:cpu"), held(records=records), capacity=1)
    assert run.by_task["ml:cpu"] == TaskNeed(task="ml:cpu", persistent=little, transient=little)
    anew = replace(held(records=records), layers=False)
    assert estimate(changed, planned(changed, "ml:cpu"), anew, capacity=1).peak(ALL) > 600 * MB


def test_a_changed_parent_makes_the_layers_anew_as_large_as_they_were() -> None:
    records = recorded(planned(SIZED), {"base:cpu": [5 * MB], "ml:cpu": [700 * MB, 3 * MB]})
    changed = with_image(SIZED, "base:cpu", env=(("LANG", "de_DE.UTF-8"),))
    run = estimate(changed, planned(changed, "base:cpu", "ml:cpu"), held(records=records), capacity=1)
    assert run.by_task["ml:cpu"].persistent == {"store": int(703 * MB * ON_DISK) + SMALL_BYTES}
    assert run.by_task["ml:cpu"].transient["temporary files"] == 1400 * MB


def test_from_nothing_all_of_the_chosen_variants_counts() -> None:
    run = from_nothing(SIZED, ("cpu",), capacity=2)
    assert run == estimate(SIZED, planned(SIZED), held(), capacity=2)
    assert run.images == 5


def test_nothing_to_build_needs_nothing() -> None:
    plan = planned(SIZED)
    ready = Plan(base=plan.base, images=tuple(replace(one, action="reuse") for one in plan.images))
    assert estimate(SIZED, ready, held(), capacity=1) == Estimate(tasks=(), capacity=1, images=0)


def test_as_many_of_the_largest_moments_as_run_at_once_come_on_top() -> None:
    tasks = tuple(
        TaskNeed(task=str(n), persistent={"store": 10}, transient={"store": n, "temporary files": 100 * n})
        for n in (1, 2, 3)
    )
    run = Estimate(tasks=tasks, capacity=2, images=3)
    assert run.peak(("store",)) == 30 + 5
    assert run.peak(("temporary files",)) == 500
    assert run.peak(ALL) == 30 + 505
    assert run.persistent(ALL) == 30


def test_each_file_system_is_held_against_what_is_written_there() -> None:
    need = TaskNeed(task="a", persistent={"store": 50}, transient={"temporary files": 20})
    run = Estimate(tasks=(need,), capacity=1, images=1)

    def system(device: int, holds: tuple[Where, ...], free: int) -> FileSystem:
        return FileSystem(device=device, path=Path("/x"), used_for=holds, free_bytes=free, used_bytes=0)

    store, tmp = system(1, ("store", "state"), 59), system(2, ("temporary files",), 30)
    assert short_of(run, (store, tmp), floor_bytes=10) == ((store, 60),)
    assert short_of(run, (replace(store, free_bytes=60), tmp), floor_bytes=10) == ()
    assert short_of(run, (tmp,), floor_bytes=11) == ((tmp, 31),)


def test_the_time_is_the_longest_path_or_all_work_on_the_cores_and_a_full_house_takes_none() -> None:
    tasks = [
        Task(kind=WheelhouseTask("cpu"), expected_s=50),
        Task(kind=ImageTask("a"), needs=("wheelhouse/cpu",), expected_s=10),
        Task(kind=ImageTask("b"), needs=("wheelhouse/cpu",), expected_s=30),
    ]
    empty = {"wheelhouse/cpu": TaskNeed(task="wheelhouse/cpu", persistent={"state": 1})}
    full = {"wheelhouse/cpu": TaskNeed(task="wheelhouse/cpu")}
    assert expected_seconds(tasks, empty, 2) == 80
    assert expected_seconds(tasks, empty, 1) == 90
    assert expected_seconds(tasks, full, 2) == 30.5
    assert expected_seconds([], {}, 2) == 0
