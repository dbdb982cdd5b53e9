"""The health of the local store: it is inspected before a plan, and damaged images are not reused."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping

import anyio

from ci.engines.engine import Engine
from ci.engines.store_state import StoreState, damaged_store
from ci.errors import EngineError, StoreError
from ci.names.digest import bare_digest
from ci.names.reference import LOCAL
from ci.plan.plan import Plan
from ci.run.workspace.local_store import Store
from ci.run.workspace.state import State
from ci.run.workspace.workspace import Workspace

PlanOf = Callable[[Store], Awaitable[Plan]]
Say = Callable[[str], None]
AGAIN_S = 0.5
WRITING_S = 10.0
"""An engine completes an image in much less time."""


async def plan_on_healthy_store(
    engine: Engine, state: State, namespace: str, plan_of: PlanOf, *, repair: bool, say: Say
) -> tuple[Store, Plan]:
    """Return the undamaged content of the store, and the plan that is based on it.

    With `repair` damaged images, and all others with the same layers, are removed, so that no build starts
    from one of these layers. Without, they are only ignored.

    Raises:
        StoreError: the store's own lists are damaged.
        EngineError: images of other programs have a damaged layer.
    """
    known = state.layer_stamps()
    if engine.store is None:
        store = Store(ids=await engine.images())
        return store, await plan_of(store)
    inspected = await engine.store.state(sorted(known))
    if inspected.errors:
        raise damaged_store(inspected.root, inspected.errors)
    if repair:
        state.forget_layer_stamps(set(known) - inspected.layers)
    damage = inspected.damage(known)
    waited_s, latest = 0.0, inspected
    while damage and waited_s < (WRITING_S if damage.keys() & latest.unfinished else AGAIN_S):
        # another run may be removing or writing an image just now
        await anyio.sleep(AGAIN_S)
        waited_s += AGAIN_S
        latest = await engine.store.state(sorted(known))
        damage = {id_: what for id_, what in latest.damage(known).items() if id_ in damage}
    if damage and repair:
        await _remove(engine, state, inspected, damage, namespace)
    ids = inspected.ids.items()
    store = Store(ids={name.removeprefix(LOCAL): id_ for name, id_ in ids if id_ not in damage})
    for text in sorted(set(damage.values())):
        count = sum(text == other for other in damage.values())
        what = "removed, and built again where needed" if repair else "not reused"
        say(f"damaged in the store: {text}; images based on it: {count}, {what}")
    return store, await plan_of(store)


async def plan_from_store(workspace: Workspace, plan_of: PlanOf, *, say: Say) -> tuple[Store, Plan]:
    """Return the undamaged content of the store, and the plan that is based on it; change nothing.

    Where no engine is usable the store counts as empty.

    Raises:
        StoreError: the store is damaged.
    """
    try:
        engine = await workspace.engine(runs_steps=False)
    except StoreError:
        raise
    except EngineError:
        store = Store(ids={})
        return store, await plan_of(store)
    namespace = workspace.stack.namespace
    return await plan_on_healthy_store(engine, workspace.state, namespace, plan_of, repair=False, say=say)


async def _remove(
    engine: Engine, state: State, inspected: StoreState, damage: Mapping[str, str], namespace: str
) -> None:
    names = [name for id_ in damage for name in inspected.names.get(id_, ())]
    foreign = [name for name in names if not name.startswith(f"{LOCAL}{namespace}/")]
    if foreign:
        raise EngineError(
            f"the store at {inspected.root} is damaged ({next(iter(damage.values()))}), and images of other "
            "programs are based on the same layer",
            hint=f"remove them: `{engine.name} rmi --force {' '.join(foreign)}`",
        )
    assert engine.store is not None
    await engine.store.remove_damaged(sorted(damage))
    state.forget_layer_stamps({layer for id_ in damage for layer in inspected.chains.get(id_, ())})


async def record_layer_stamps(engine: Engine, state: State, images: Collection[str]) -> None:
    """Record the stamps of the layers of these images, which were just built."""
    if images and engine.store is not None:
        inspected = await engine.store.state([bare_digest(id_) for id_ in images])
        state.add_layer_stamps(inspected.stamps)
