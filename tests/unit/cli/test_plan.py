from __future__ import annotations

from ci.cli.plan import columns, left_out, summary
from ci.plan.plan import Inventory, Plan, make_plan, plan_json
from tests.stacks import small_stack, with_image

STACK = small_stack()


def planned(present: set[str]) -> Plan:
    return make_plan(STACK, Inventory(present=present), base="bootstrap", selected=["base:cpu", "mux:cpu"])


NEW = planned(set())
TAGS = {image.reference.rpartition(":")[2] for image in NEW.images}


def test_a_line_holds_action_image_key_and_the_whole_reason() -> None:
    base, mux = NEW.images
    assert columns(NEW.images) == [
        f"build  base:cpu  {base.key[:12]}  never built here",
        f"build  mux:cpu   {mux.key[:12]}  never built here",
    ]


def test_no_image_is_no_line() -> None:
    assert columns(()) == []


def test_the_last_line_counts() -> None:
    assert summary(NEW) == "2 of 2 images would be built"
    assert summary(planned(TAGS)) == "nothing to build: all 2 images are available"
    assert summary(planned({NEW.images[0].reference.rpartition(":")[2]})) == "1 of 2 images would be built"


def test_what_files_are_without_is_a_line_and_in_the_json() -> None:
    paths = ("vad/.env", "vad/__pycache__", "vad/sub/__pycache__", "vad/a\nb/.git")
    stack = with_image(STACK, "vad:cpu", left_out=paths)
    plan = make_plan(stack, Inventory(), base="bootstrap", selected=["base:cpu", "vad:cpu"])
    assert left_out(plan) == [r"vad: its files are without 2 __pycache__, vad/.env, vad/a\nb/.git"]
    shown = ["vad/.env", "vad/__pycache__", "vad/sub/__pycache__", r"vad/a\nb/.git"]
    assert [row["left_out"] for row in plan_json(plan)["images"]] == [[], shown]
    before = make_plan(STACK, Inventory(), base="bootstrap", selected=["vad:cpu"])
    assert plan.images[1].key == before.images[0].key
