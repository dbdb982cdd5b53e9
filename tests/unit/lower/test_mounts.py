"""Each mounted folder has its digest in the text of its step, for every image of the reference stack."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from ci.catalog.load import load_stack
from ci.engines.engine import BuildRequest
from ci.errors import CatalogError, EngineError
from ci.lower.dockerfile import Mount, declared_args, instructions
from ci.lower.quoting import LINE_BYTES
from ci.plan.recipes import recipe
from ci.steps.step import Env, Libraries, Step

STACK = load_stack(Path(__file__).parents[3] / "docker")


@pytest.mark.parametrize("id_", [image.id for image in STACK.images])
def test_each_mount_stands_behind_the_argument_of_its_digest(id_: str) -> None:
    texts = instructions(recipe(STACK, STACK.get(id_)))
    for before, text in pairwise(texts):
        if "--mount" in text:
            (name,) = declared_args(before)
            assert before == f"ARG {name}"
            with pytest.raises(EngineError, match="no value for"):
                BuildRequest(instructions=f"{before}\n{text}\n", context=Path(), parent="p").arguments("p")
    assert len(set(declared_args("\n".join(texts)))) == sum(text.startswith("ARG ") for text in texts)


@pytest.mark.parametrize(("reference", "digest_arg"), [("n/wheelhouse:cpu", ""), ("", "UV")])
def test_a_mount_without_a_digest_is_no_value(reference: str, digest_arg: str) -> None:
    with pytest.raises(ValueError, match="the build argument of its digest"):
        Mount(reference, digest_arg)


@pytest.mark.parametrize(
    "step", [Env(values=(("A", "x" * LINE_BYTES),)), Libraries(name="x", folders=("/a",) * LINE_BYTES)]
)
def test_a_line_that_a_builder_would_drop_is_refused(step: Step) -> None:
    with pytest.raises(CatalogError, match=r"a line of \d+ bytes, and a Dockerfile's has at most 60000"):
        instructions((step,))
