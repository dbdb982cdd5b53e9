"""Damaged images: left out of a plan, removed before a build, waited for while another run writes them."""

from __future__ import annotations

import pytest

from ci.errors import EngineError
from ci.plan.plan import Plan
from ci.run.build.request import Request
from ci.run.reuse.store_health import plan_on_healthy_store
from ci.run.workspace.local_store import Store
from tests.fakes.machine import Machine


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look again after a moment."""
    monkeypatch.setattr("ci.run.reuse.store_health.AGAIN_S", 0.001)


async def planned(machine: Machine, *, repair: bool) -> tuple[Store, Plan, list[str]]:
    lines: list[str] = []
    workspace = machine.workspace()

    async def plan_of(store: Store) -> Plan:
        return await Request().plan(workspace, store)

    store, plan = await plan_on_healthy_store(
        machine.engine, workspace.state, "small", plan_of, repair=repair, say=lines.append
    )
    return store, plan, lines


async def test_a_store_without_damage_is_reused_whole(machine: Machine) -> None:
    await machine.run()
    store, plan, lines = await planned(machine, repair=True)
    assert store.ids == machine.engine.names
    assert (plan.to_build, lines) == ((), [])


async def test_without_repair_a_damaged_image_is_only_left_out(machine: Machine) -> None:
    await machine.run()
    id_ = machine.engine.names["small/mux:cpu"]
    machine.engine.broken[id_] = "layer 1234 is missing"
    machine.engine.calls.clear()
    store, plan, lines = await planned(machine, repair=False)
    assert id_ not in store.ids.values()
    assert [image.id for image in plan.to_build] == ["mux:cpu"]
    assert machine.engine.calls == []
    assert "layer 1234 is missing" in lines[0]


async def test_an_image_that_is_whole_at_the_next_look_stays(machine: Machine) -> None:
    await machine.run()
    engine = machine.engine
    engine.broken[engine.names["small/mux:cpu"]] = "was being written"
    engine.on_state = engine.broken.clear
    _, plan, lines = await planned(machine, repair=True)
    assert (plan.to_build, engine.done("remove_damaged"), lines) == ((), [], [])


async def test_an_image_on_a_layer_that_changed_is_damaged(machine: Machine) -> None:
    await machine.run()
    engine = machine.engine
    layer = engine.stored[engine.names["small/ml:cpu"]].layers[-1][0]
    engine.changed_layers.add(layer)
    _, plan, lines = await planned(machine, repair=True)
    assert [image.id for image in plan.to_build] == ["ml:cpu", "asr:cpu", "vad:cpu"]
    assert sorted(engine.done("remove_damaged")) == ["asr", "ml", "vad"]
    assert "was changed after it was made" in lines[0]


async def test_a_store_whose_lists_are_damaged_is_an_error(machine: Machine) -> None:
    machine.engine.errors = ("images.json: no JSON",)
    with pytest.raises(EngineError, match=r"images\.json: no JSON"):
        await planned(machine, repair=True)
