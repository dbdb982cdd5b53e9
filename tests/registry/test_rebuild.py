"""`--rebuild` builds what a registry has, and says where that is another image."""

from __future__ import annotations

from pathlib import Path

import anyio
import pytest

from tests.engine.killed_stack import change, killed_stack
from tests.registry.cached import pass_off
from tests.registry.machine import HERE, Machine
from tests.registry.proxy import Proxy

pytestmark = pytest.mark.engine
WRITES = ("--cache", "read-write")
BOTH = ("kill-one", "kill-two")


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A machine with a small stack, which no store and no registry has built before."""
    found = Machine(HERE, killed_stack(tmp_path / "small"))
    change(found.stack, str(tmp_path))
    return found


def test_only_the_named_image_is_built_again_and_the_registrys_is_the_same(
    proxy: Proxy, machine: Machine
) -> None:
    place = f"{proxy.host}/team"
    first = machine.build(place, *WRITES, images=BOTH)
    assert first.status == 0, first.text
    again = machine.build(place, *WRITES, "--rebuild", images=("kill-two",))
    assert again.status == 0, again.text
    assert again.rows == {"base:cpu": "reused", "kill-one:cpu": "reused", "kill-two:cpu": "built"}
    assert (again.others, again.report["warnings"]) == ({}, [])
    assert again.digest("kill-two:cpu") == first.digest("kill-two:cpu")


def test_another_image_in_the_registry_is_said_and_left(proxy: Proxy, machine: Machine) -> None:
    place = f"{proxy.host}/team"
    assert machine.build(place, *WRITES, images=BOTH).status == 0
    before = machine.wanted("kill-two:cpu")
    (machine.stack / "kill-two/content/0.txt").write_text("other")
    anyio.run(pass_off, proxy.host, before, machine.wanted("kill-two:cpu"))
    proxy.seen.clear()
    ran = machine.build(place, *WRITES, "--rebuild", images=("kill-two",))
    assert (ran.status, ran.rows["kill-two:cpu"]) == (0, "built"), ran.text
    (warning,) = ran.report["warnings"]
    assert warning.startswith("kill-two:cpu: the registry has another image under this key (")
    assert proxy.count("PUT|POST|PATCH") == 0
