"""The real stack's images as Dagger calls. The golden texts are what a reviewer reads."""

from __future__ import annotations

from pathlib import Path

import pytest

from ci.catalog.load import load_stack
from ci.catalog.stack import Stack
from ci.lower.container import lower
from ci.plan.recipes import recipe
from tests.dagger.outline import outline
from tests.dagger.session import Session
from tests.dagger.stand_in import stand_ins

HERE = Path(__file__).parent
STACK = HERE.parents[1] / "docker"


@pytest.fixture(scope="module")
def stack() -> Stack:
    return load_stack(STACK)


@pytest.mark.parametrize("id_", ["base:cpu", "demux:cpu"])
async def test_an_image_is_these_calls(session: Session, stack: Stack, id_: str, tmp_path: Path) -> None:
    inputs, named = await stand_ins(session)
    container = lower(recipe(stack, stack.get(id_)), inputs)
    text = outline(session.calls(await container.id()), named)
    golden = HERE / "golden" / f"{id_.replace(':', '.')}.txt"
    found = tmp_path / golden.name
    found.write_text(text, "utf-8")
    expected = golden.read_text("utf-8") if golden.exists() else ""
    assert text == expected, f"if this change is meant: cp {found} {golden}"
    assert session.rejected == []
