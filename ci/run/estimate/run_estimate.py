"""The estimate of a run on this machine: from what is already present, and from the times of earlier runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ci.plan.keys import tag
from ci.plan.plan import Plan, PlannedImage
from ci.run.estimate.disk import fetched
from ci.run.estimate.needs import FETCH_BYTES_PER_S, Available, Estimate, estimate, expected_seconds
from ci.run.tasks.durations import read_history
from ci.run.tasks.graph import tasks
from ci.run.tasks.task import Task
from ci.run.workspace.base_kind import root_image
from ci.run.workspace.image_record import ImageRecord
from ci.run.workspace.local_store import Store
from ci.run.workspace.workspace import Workspace


def estimate_run(
    workspace: Workspace,
    plan: Plan,
    store: Store,
    *,
    cache: bool = True,
    bundle: bool = False,
    remote: Mapping[str, int] | None = None,
) -> Estimate:
    """Return the estimate of building `plan` on this machine. Nothing is written.

    `cache` says whether layers of earlier builds are used, `bundle` that all external inputs are in a folder.
    `remote` are the unpacked bytes of images that a registry has, by `image:variant`.
    """
    stack, state = workspace.stack, workspace.state
    names = store.built(stack.namespace)

    def built(planned: PlannedImage) -> ImageRecord | None:
        return state.record(planned.id, names[planned.id]) if planned.id in names else None

    def earlier(planned: PlannedImage) -> ImageRecord | None:
        return state.record(planned.id, tag(planned.key)) or built(planned)

    available = Available(
        fetched=fetched(state.inputs / "content"),
        images=store.ids,
        built=built,
        earlier=earlier,
        root_image=root_image(stack, plan.base),
        remote=remote or {},
        layers=cache,
        bundle=bundle,
    )
    estimated = estimate(stack, plan, available, capacity=workspace.capacity)
    history = read_history(state.root / "history.json", warn=lambda _: None)
    timed = [
        _with_network(task, estimated, known=task.id in history.seconds) for task in tasks(plan, history)
    ]
    work = [task.id for task in timed if task.expected_s]
    return replace(
        estimated,
        seconds=expected_seconds(timed, estimated.by_task, workspace.capacity),
        timed=all(id_ in history.seconds for id_ in work),
    )


def _with_network(task: Task, estimated: Estimate, *, known: bool) -> Task:
    """Add the time of downloads if there is no earlier time; an earlier one includes them."""
    need = estimated.by_task.get(task.id)
    if known or need is None:
        return task
    return replace(task, expected_s=task.expected_s + need.fetch_bytes / FETCH_BYTES_PER_S)
