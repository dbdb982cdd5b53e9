"""A plan on a base that has another Python than the stack is refused, whatever has chosen the base."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from ci.catalog.stack import Stack
from ci.engines.process.runner import Runner
from ci.errors import CatalogError
from ci.run.workspace.base_kind import resolve_base
from ci.run.workspace.local_store import Store
from ci.run.workspace.state import State
from ci.run.workspace.workspace import Workspace
from ci.settings import Settings
from tests.stacks import small_stack

NEW = replace(small_stack(), python="3.12", base="auto")


def workspace(folder: Path, stack: Stack, option: str, answers: Callable[[str], bool]) -> Workspace:
    return Workspace(
        settings=Settings(stack=folder / "docker"),
        stack=stack,
        base=resolve_base(stack, option, answers),
        runner=Runner(),
        state=State(root=folder / "state"),
    )


@pytest.mark.parametrize("option", ["", "auto", "bootstrap"])
async def test_a_bootstrap_base_of_another_python_is_refused(tmp_path: Path, option: str) -> None:
    opened = workspace(tmp_path, NEW, option, lambda _host: False)
    text = r"docker/stack\.toml: python: 3\.12, but the bootstrap base has Python 3\.11 of bookworm\n *hint: "
    with pytest.raises(CatalogError, match=text):
        await opened.plan(store=Store(ids={}))


async def test_an_external_base_of_another_python_is_refused(tmp_path: Path) -> None:
    (base,) = NEW.external_roots
    old = replace(NEW, external_bases=(replace(base, tag="3.11-slim-bookworm"),))
    text = r"docker/stack\.toml: python: 3\.12, but the external base 'python' has Python 3\.11"
    with pytest.raises(CatalogError, match=text):
        await workspace(tmp_path, old, "registry", lambda _host: True).plan(store=Store(ids={}))


async def test_a_base_of_the_same_python_is_planned_on_whatever_the_other_kind_has(tmp_path: Path) -> None:
    (base,) = NEW.external_roots
    new = replace(NEW, external_bases=(replace(base, tag="3.12-slim-bookworm"),))
    plan = await workspace(tmp_path, new, "", lambda _host: True).plan(store=Store(ids={}))
    assert plan.base == "registry"
