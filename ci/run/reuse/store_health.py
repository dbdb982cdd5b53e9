"""Nothing is reused that is damaged: the store is looked at before a plan, and what is broken goes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping

import anyio

from ci.engines.engine import Engine
from ci.engines.store_state import StoreState
from ci.errors import EngineError
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
"""A living Buildah has written an image to its end long before that."""
UNFINISHED = "was never written to its end"
"""How the fault of an image ends whose manifest is missing: see ci/engines/program/store_state.py."""


async def plan_on_healthy_store(
    engine: Engine, state: State, namespace: str, plan_of: PlanOf, *, repair: bool, say: Say
) -> tuple[Store, Plan]:
    """Return what the store holds undamaged, and the plan of that.

    With `repair` the images that are damaged, and all that stand on the same layers, are removed, so that
    no build starts from one of their layers; without, they are only left out.

    Raises:
        EngineError: the store's own lists are damaged, or images of others stand on a damaged layer.
    """
    known = state.layer_stamps()
    look = await engine.look(sorted(known))
    if look is None:
        store = Store(ids=await engine.images())
        return store, await plan_of(store)
    if look.faults:
        raise EngineError(
            f"the store is damaged: {'; '.join(look.faults)}. What it held can't be told any more: move "
            f"{look.root} away, or remove it, with its owner's rights, by "
            f"`umount {look.root}/overlay; rm -rf {look.root}`; then build again"
        )
    if repair:
        state.forget_layer_stamps(set(known) - look.layers)
    damage = look.damage(known)
    waited_s = 0.0
    while damage and waited_s < (WRITING_S if unfinished(damage.values()) else AGAIN_S):
        # what another run is removing, or writing, just now is gone, or whole, at another look
        await anyio.sleep(AGAIN_S)
        waited_s += AGAIN_S
        again = await engine.look(sorted(known))
        damage = {
            id_: what
            for id_, what in (again.damage(known) if again is not None else {}).items()
            if id_ in damage
        }
    if damage and repair:
        await _remove(engine, state, look, damage, namespace)
    sound = {name.removeprefix(LOCAL): id_ for name, id_ in look.ids.items() if id_ not in damage}
    store = Store(ids=sound)
    for text in sorted(set(damage.values())):
        count = sum(text == other for other in damage.values())
        what = "removed, and what is needed of them is built again" if repair else "not reused"
        say(f"damaged in the store: {text}; {count} images stand on it: {what}")
    return store, await plan_of(store)


async def plan_from_store(workspace: Workspace, plan_of: PlanOf, *, say: Say) -> tuple[Store, Plan]:
    """Return what the store holds undamaged, and the plan of that; nothing is changed.

    Where no engine is usable the store counts as empty.
    """
    try:
        engine = workspace.engine()
    except EngineError:
        store = Store(ids={})
        return store, await plan_of(store)
    namespace = workspace.stack.namespace
    return await plan_on_healthy_store(engine, workspace.state, namespace, plan_of, repair=False, say=say)


async def _remove(
    engine: Engine, state: State, look: StoreState, damage: Mapping[str, str], namespace: str
) -> None:
    names = [name for id_ in damage for name in look.names.get(id_, ())]
    foreign = [name for name in names if not name.startswith(f"{LOCAL}{namespace}/")]
    if foreign:
        raise EngineError(
            f"the store at {look.root} is damaged ({next(iter(damage.values()))}), and images of others "
            f"stand on that too. Remove them yourself: `buildah rmi --force {' '.join(foreign)}`"
        )
    await engine.remove_damaged(sorted(damage))
    state.forget_layer_stamps({layer for id_ in damage for layer in look.chains.get(id_, ())})


def unfinished(faults: Iterable[str]) -> bool:
    """Whether one of `faults` is that of an image that may be on its way."""
    return any(fault.endswith(UNFINISHED) for fault in faults)


async def record_layer_stamps(engine: Engine, state: State, images: Collection[str]) -> None:
    """Remember how the layers of these images, which were just made, look now."""
    look = await engine.look([bare_digest(id_) for id_ in images]) if images else None
    if look is not None:
        state.write_layer_stamps({**look.marks, **state.layer_stamps()})
