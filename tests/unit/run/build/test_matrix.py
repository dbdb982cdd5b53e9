from __future__ import annotations

from dataclasses import replace

from ci.plan.plan import Inventory, make_plan
from ci.run.build.matrix import Job, Matrix, matrix
from ci.run.estimate.needs import SMALL_BYTES, own_bytes
from tests.stacks import small_stack, wheel, with_image

MB = 10**6
STACK = with_image(small_stack(), "ml:cpu", python_lock=(replace(wheel("torch"), size=2000 * MB),))
ALL = tuple(image.id for image in STACK.images)


def found(*remote: str, size: int = 500 * MB, unchecked: tuple[str, ...] = ()) -> Matrix:
    plan = make_plan(STACK, Inventory(remote=remote), base="registry", selected=ALL)
    return matrix(STACK, plan, remote=dict.fromkeys(remote, size), capacity=2, unchecked=unchecked)


def test_the_jobs_hold_what_the_registry_lacks() -> None:
    jobs = found("base:cpu", "mux:cpu")
    assert jobs.base == "registry"
    assert jobs.whole.text == "ml:cpu,asr:cpu,vad:cpu"
    assert [job.text for job in jobs.levels] == ["", "ml:cpu", "asr:cpu,vad:cpu"]
    assert [job.large for job in jobs.levels] == [False, True, True]


def test_what_the_registry_has_unchecked_is_checked_again_and_not_built() -> None:
    assert found("base:cpu").checks == found("base:cpu").whole
    jobs = found("base:cpu", "mux:cpu", unchecked=("mux:cpu",))
    assert jobs.whole == found("base:cpu", "mux:cpu").whole
    assert jobs.checks.text == "ml:cpu,mux:cpu,asr:cpu,vad:cpu"
    assert jobs.checks.disk_gb > jobs.whole.disk_gb
    all_built = found(*ALL, unchecked=("mux:cpu",))
    assert (all_built.whole.text, all_built.checks.text) == ("", "mux:cpu")
    assert all_built.checks.disk_gb == all_built.checks.smoke_gb == 1


def test_what_is_not_to_be_built_needs_no_disk() -> None:
    jobs = found(*ALL)
    assert jobs.whole == Job(images=())
    assert jobs.levels == (Job(images=()),) * 3


def test_a_level_needs_the_disk_of_its_own_images_and_of_their_parents() -> None:
    base, ml, above = found().levels
    # 2 GB of wheel, 3.6 GB of layer, twice that in TMPDIR and once in its container while it is committed
    assert base.disk_gb == 1
    assert 16 <= ml.disk_gb <= 18
    # the level above fetches it: packed in TMPDIR for a moment, and unpacked
    assert 5 <= above.disk_gb <= 8
    assert found().whole.disk_gb >= ml.disk_gb


def test_what_stays_free_is_asked_for_too() -> None:
    plan = make_plan(STACK, Inventory(), base="registry", selected=ALL)
    more = matrix(STACK, plan, remote={}, capacity=2, floor_bytes=3000 * MB)
    assert more.levels[0].disk_gb == found().levels[0].disk_gb + 3


def test_shared_layers_are_fetched_once() -> None:
    by_id = {image.id: image for image in STACK.images}
    above = found().levels[2]
    layers = sum(own_bytes(by_id[id_]) for id_ in ("base:cpu", "ml:cpu", "asr:cpu", "vad:cpu"))
    assert above.smoke_gb == -(-int(layers * 1.55) // 10**9)
    assert own_bytes(by_id["vad:cpu"]) == SMALL_BYTES


def test_the_outputs_are_lines_of_name_and_value() -> None:
    jobs = Matrix(
        base="registry",
        whole=Job(images=("a:cpu", "b:cuda"), disk_gb=20, smoke_gb=9, large=True),
        checks=Job(images=("a:cpu", "b:cuda", "c:cpu"), disk_gb=21, smoke_gb=10, large=True),
        levels=(Job(images=()), Job(images=("a:cpu", "b:cuda"), disk_gb=12, smoke_gb=9, large=True)),
    )
    assert jobs.output_lines() == (
        "base=registry",
        "images=a:cpu,b:cuda",
        "images-disk-gb=20",
        "images-smoke-gb=9",
        "images-large=true",
        "checks=a:cpu,b:cuda,c:cpu",
        "checks-disk-gb=21",
        "checks-smoke-gb=10",
        "checks-large=true",
        "level-0=",
        "level-0-disk-gb=0",
        "level-0-smoke-gb=0",
        "level-0-large=false",
        "level-1=a:cpu,b:cuda",
        "level-1-disk-gb=12",
        "level-1-smoke-gb=9",
        "level-1-large=true",
    )
    assert jobs.as_json()["levels"][1] == {
        "level": 1,
        "images": "a:cpu,b:cuda",
        "disk_gb": 12,
        "smoke_gb": 9,
        "large": True,
    }
