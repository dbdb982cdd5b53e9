from __future__ import annotations

import pytest

from ci.errors import CatalogError, UsageError
from ci.plan.keys import base_identity, digest, documents, tag
from ci.plan.plan import Inventory, make_plan, plan_json, select
from tests.stacks import small_stack, wheel, with_image

STACK = small_stack()
ALL = [image.id for image in STACK.images]


def tags(documents_: dict[str, dict[str, object]]) -> dict[str, str]:
    return {id_: tag(digest(document)) for id_, document in documents_.items()}


def test_images_are_planned_parents_first_with_their_parents() -> None:
    assert select(STACK, ["asr"], ["cpu"]) == ("base:cpu", "ml:cpu", "asr:cpu")
    assert select(STACK, [], []) == tuple(ALL)


def test_an_unknown_image_is_answered_with_the_nearest_name() -> None:
    with pytest.raises(UsageError, match=r"no image 'asrr'\nhint: did you mean 'asr'\? Known: asr, base"):
        select(STACK, ["asrr"], [])


def test_an_image_without_the_variant_says_which_it_has() -> None:
    with pytest.raises(UsageError, match="mux has no variant cuda\nhint: choose among mux:cpu"):
        select(STACK, ["mux"], ["cuda"])


def test_a_change_builds_that_image_and_its_descendants_and_reuses_the_rest() -> None:
    old = documents(STACK, "bootstrap")
    built = tags(old)
    changed = with_image(STACK, "ml:cpu", python_lock=(wheel("onnx", "1.1"),))
    plan = make_plan(
        changed,
        Inventory(
            present=set(built.values()),
            built=built,
            stored=lambda image, cache_tag: old[image] if built[image] == cache_tag else None,
        ),
        base="bootstrap",
        selected=ALL,
    )
    assert {planned.id: planned.action for planned in plan.images} == {
        "base:cpu": "reuse",
        "ml:cpu": "build",
        "mux:cpu": "reuse",
        "asr:cpu": "build",
        "vad:cpu": "build",
    }
    assert plan.get("ml:cpu").reason == "python lock onnx: 1.0 → 1.1"
    assert plan.get("asr:cpu").reason.startswith("parent ml:cpu: ")


def test_the_reason_is_unknown_where_no_document_is_stored() -> None:
    plan = make_plan(STACK, Inventory(built={"ml:cpu": "k-old"}), base="bootstrap", selected=ALL)
    assert plan.get("ml:cpu").reason.startswith("unknown")
    assert plan.get("base:cpu").reason == "never built here"


def test_the_json_of_a_plan_has_the_promised_fields_in_build_order() -> None:
    plan = make_plan(STACK, Inventory(), base="bootstrap", selected=ALL)
    value = plan_json(plan)
    assert value["schema"] == 1
    assert [f"{row['image']}:{row['variant']}" for row in value["images"]] == ALL
    assert set(value["images"][0]) == {
        "image",
        "variant",
        "reference",
        "parent",
        "key",
        "action",
        "reason",
        "instructions",
        "left_out",
    }


def test_an_absent_digest_that_is_used_is_an_error_that_says_what_to_type() -> None:
    from dataclasses import replace

    (base,) = STACK.external_bases
    absent = replace(STACK, external_bases=(replace(base, digest=""),))
    assert base_identity(absent, "outside:python", "bootstrap")["bootstrap"] == "bookworm"
    with pytest.raises(CatalogError, match=r"(?s)outside:python has no digest.*\nhint: run `dockwright lock"):
        base_identity(absent, "outside:python", "registry")
