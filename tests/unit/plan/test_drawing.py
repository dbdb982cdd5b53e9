from __future__ import annotations

from dataclasses import replace

from ci.plan.drawing import ASCII, dot_source, mermaid, tree_lines
from tests.stacks import small_stack, with_image

STACK = small_stack()
ALL = [image.id for image in STACK.images]


def test_the_tree_shows_each_image_below_its_parent_with_its_title() -> None:
    assert tree_lines(STACK, ALL) == (
        "outside:python       docker.io/library/python:3.11",
        "└── base:cpu         Base",
        "    ├── ml:cpu       Ml",
        "    │   ├── asr:cpu  Asr",
        "    │   └── vad:cpu  Vad",
        "    └── mux:cpu      Mux",
    )


def test_a_part_of_the_stack_is_a_tree_of_its_own() -> None:
    assert tree_lines(STACK, ["base:cpu", "mux:cpu"], ASCII) == (
        "outside:python   docker.io/library/python:3.11",
        "`-- base:cpu     Base",
        "    `-- mux:cpu  Mux",
    )


def test_nothing_is_an_empty_tree() -> None:
    assert tree_lines(STACK, []) == ()


def test_mermaid_draws_an_arrow_from_each_parent() -> None:
    assert mermaid(STACK, ["base:cpu", "mux:cpu"]) == (
        "flowchart LR\n"
        '    outside_python(["docker.io/library/python:3.11"])\n'
        '    base_cpu["base:cpu"]\n'
        '    mux_cpu["mux:cpu"]\n'
        "    outside_python --> base_cpu\n"
        "    base_cpu --> mux_cpu\n"
    )


def test_two_names_that_differ_by_punctuation_are_two_nodes() -> None:
    mux = STACK.get("mux:cpu")
    pair = (replace(mux, image="a-b"), replace(mux, image="a.b"))
    text = mermaid(replace(STACK, images=(STACK.get("base:cpu"), *pair)), ["base:cpu", "a-b:cpu", "a.b:cpu"])
    assert 'a_b_cpu["a-b:cpu"]' in text
    assert 'a_b_cpu_["a.b:cpu"]' in text


def test_dot_quotes_names_and_escapes_quotes() -> None:
    stack = with_image(STACK, "mux:cpu", title='The "mux"')
    assert dot_source(stack, ["base:cpu", "mux:cpu"]) == (
        'digraph "small" {\n'
        "    rankdir=LR;\n"
        '    node [shape=box, style=rounded, fontname="sans-serif"];\n'
        '    "outside:python" [label="docker.io/library/python:3.11", style=dashed];\n'
        '    "base:cpu" [tooltip="Base"];\n'
        '    "mux:cpu" [tooltip="The \\"mux\\""];\n'
        '    "outside:python" -> "base:cpu";\n'
        '    "base:cpu" -> "mux:cpu";\n'
        "}\n"
    )
