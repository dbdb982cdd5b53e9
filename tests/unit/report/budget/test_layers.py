from __future__ import annotations

from ci.plan.recipes import recipe
from ci.report.budget.layers import layer_texts, named_layers
from tests.stacks import small_stack

STACK = small_stack()
BASE = recipe(STACK, STACK.get("base:cpu"))
ASR = recipe(STACK, STACK.get("asr:cpu"))
BELOW = (("a", 1), ("b", 2))


def test_each_layer_has_a_text_that_does_not_change_with_its_content() -> None:
    assert layer_texts(BASE) == (
        "account app",
        "Debian packages",
        "virtual environment /opt/venv",
        "Python packages (base)",
        "files at /opt/app",
    )
    assert layer_texts(ASR) == ("Python packages (asr)", "files at /opt/app")


def test_layers_beyond_the_parents_are_named_by_the_steps_that_made_them() -> None:
    assert named_layers((*BELOW, ("c", 7), ("d", 1)), BELOW, ASR) == (
        ("Python packages (asr)", 7),
        ("files at /opt/app", 1),
    )


def test_what_lies_under_the_first_step_is_the_outside_image() -> None:
    layers = [(str(number), number) for number in range(1, 8)]
    assert named_layers(layers, (), BASE)[:2] == (("external base image", 3), ("account app", 3))


def test_layers_that_the_steps_do_not_explain_have_their_place_alone() -> None:
    assert named_layers((*BELOW, ("c", 7)), BELOW, ASR) == (("own layer 1", 7),)
