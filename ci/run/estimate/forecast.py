"""The estimate of a run on this machine: what is held here already, and how long it took before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ci.plan.keys import tag
from ci.plan.plan import Plan, PlannedImage
from ci.run.estimate.disk import fetched
from ci.run.estimate.needs import FETCH_BYTES_PER_S, Estimate, Held, estimate, expected_seconds
from ci.run.tasks.durations import read_history
from ci.run.tasks.graph import tasks
from ci.run.tasks.task import Task
from ci.run.workspace.base_kind import root_image
from ci.run.workspace.image_record import ImageRecord
from ci.run.workspace.local_store import Store
from ci.run.workspace.workspace import Workspace


def forecast(
    workspace: Workspace,
    plan: Plan,
    store: Store,
    *,
    cache: bool = True,
    bundle: bool = False,
    remote: Mapping[str, int] | None = None,
) -> Estimate:
    """Return what building `plan` will fetch, write and take here; nothing is written.

    `cache` says whether layers of earlier builds are used, `bundle` that all from outside lies in a folder;
    `remote` are the bytes, unpacked, of images that a registry has.
    """
    stack, state = workspace.stack, workspace.state
    names = store.built(stack.namespace)

    def built(planned: PlannedImage) -> ImageRecord | None:
        return state.record(planned.id, names[planned.id]) if planned.id in names else None

    def earlier(planned: PlannedImage) -> ImageRecord | None:
        return state.record(planned.id, tag(planned.key)) or built(planned)

    held = Held(
        fetched=fetched(state.inputs / "content"),
        images=store.ids,
        built=built,
        earlier=earlier,
        root_image=root_image(stack, plan.base),
        remote=remote or {},
        layers=cache,
        bundle=bundle,
    )
    needed = estimate(stack, plan, held, capacity=workspace.capacity)
    history = read_history(state.root / "history.json", warn=lambda _: None)
    timed = [_with_network(task, needed, known=task.id in history.seconds) for task in tasks(plan, history)]
    work = [task.id for task in timed if task.expected_s]
    return replace(
        needed,
        seconds=expected_seconds(timed, needed.by_task, workspace.capacity),
        timed=all(id_ in history.seconds for id_ in work),
    )


def _with_network(task: Task, needed: Estimate, *, known: bool) -> Task:
    """Add the time of fetching to a guess; what earlier runs took has it already."""
    need = needed.by_task.get(task.id)
    if known or need is None:
        return task
    return replace(task, expected_s=task.expected_s + need.fetch_bytes / FETCH_BYTES_PER_S)
