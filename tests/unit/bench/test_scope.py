from __future__ import annotations

from dataclasses import replace

import pytest

from bench.peers.scope import SCENARIOS, closed, fallbacks, images_of, scope, short
from ci.catalog.stack import Stack
from tests.stacks import image, small_stack

BY_NAME = {scenario.name: scenario for scenario in SCENARIOS}


def stack() -> Stack:
    small = small_stack()
    more = (
        image("base", "base:cpu", "cuda", env=(("NVIDIA", "all"),)),
        image("base-ml", "base:cpu"),
        image("base-ml", "base:cuda", "cuda"),
        image("silero-vad", "base-ml:cpu"),
        image("silero-vad", "base-ml:cuda", "cuda"),
    )
    return replace(small, variants=("cpu", "cuda"), images=(*small.images, *more))


def test_a_word_of_the_scope_brings_what_its_images_stand_on() -> None:
    assert scope(stack(), ["asr"]) == ("base:cpu", "ml:cpu", "asr:cpu")
    assert scope(stack(), ["silero-vad:cuda"]) == (
        "base:cpu",
        "base:cuda",
        "base-ml:cuda",
        "silero-vad:cuda",
    )
    assert len(scope(stack(), ["all"])) == len(stack().images)
    with pytest.raises(SystemExit, match="--scope asrr: no such image"):
        scope(stack(), ["asrr"])


def test_short_scenarios_build_the_variant_that_stays_in_the_stores() -> None:
    ids = scope(stack(), ["all"])
    assert short(stack(), ids) == tuple(id_ for id_ in ids if id_.endswith(":cpu"))
    assert images_of(stack(), BY_NAME["nothing"], ids) == short(stack(), ids)
    assert images_of(stack(), BY_NAME["from-nothing"], ids) == ids


def test_a_scenario_without_its_image_in_the_scope_builds_nothing() -> None:
    ids = scope(stack(), ["cpu"])
    assert images_of(stack(), BY_NAME["torch"], ids) == ()
    assert images_of(stack(), BY_NAME["leaf"], ids) == ()


def test_the_dear_scenarios_build_a_part_of_the_scope() -> None:
    ids = scope(stack(), ["all"])
    assert images_of(stack(), BY_NAME["torch"], ids) == closed(stack(), ["silero-vad:cuda"])
    assert images_of(stack(), BY_NAME["base"], ids) == closed(stack(), ["silero-vad:cpu"])
    assert images_of(stack(), BY_NAME["base"], ("base:cpu",)) == ("base:cpu",)


def test_the_twins_of_cpu_stages_are_built_apart_only_where_the_scope_has_no_cuda() -> None:
    assert fallbacks(stack(), scope(stack(), ["cpu"])) == ("silero-vad:cuda",)
    assert fallbacks(stack(), scope(stack(), ["all"])) == ()
