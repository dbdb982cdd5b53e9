from __future__ import annotations

from ci.cli.plan import columns, summary
from ci.plan.plan import Inventory, Plan, make_plan
from tests.stacks import small_stack

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
