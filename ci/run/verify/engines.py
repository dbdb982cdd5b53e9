"""Whether engines build equal images from one plan: compared by files and configs, not by digests."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from functools import partial

from ci.engines.engine import Engine, Output
from ci.errors import BuildError
from ci.run.build.execution import build_plan
from ci.run.build.planned_run import PlannedRun
from ci.run.build.request import Request
from ci.run.reuse.store_health import plan_on_healthy_store
from ci.run.tasks.event_log import Listener
from ci.run.verify.engine_tree import ImageTree, differences, image_tree
from ci.run.workspace.workspace import Workspace

Opened = Callable[[Workspace], AbstractAsyncContextManager[Engine]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """One image by two engines; equal where there are no `differences`."""

    image: str
    engine: str
    files: int
    differences: Sequence[str]


async def trees_of(
    workspace: Workspace,
    request: Request,
    *,
    opened: Opened,
    listener: Listener,
    say: Callable[[str], None],
) -> dict[str, ImageTree]:
    """Build images with the engine of `workspace` and return each one by `image:variant`.

    Raises:
        BuildError: not all of them could be built.
    """
    async with opened(workspace) as engine:
        namespace = workspace.stack.namespace
        store, plan = await plan_on_healthy_store(
            engine, workspace.state, namespace, partial(request.plan, workspace), repair=True, say=say
        )
        run = PlannedRun(workspace=workspace, request=request, plan=plan, store=store, listeners=(listener,))
        report, directory = await build_plan(engine, run)
        if report.exit_code != 0:
            raise BuildError(f"{engine.name} did not build all images", hint=f"see {directory.report}")
        found = {}
        for planned in plan.images:
            say(f"{engine.name}: listing the files of {planned.id}")
            found[planned.id] = await image_tree(engine, planned.reference, Output())
        return found


def verdicts(trees: dict[str, dict[str, ImageTree]]) -> list[Verdict]:
    """Compare the images of every further engine with those of the first; `trees` are by engine."""
    (first, expected), *others = trees.items()
    return [
        Verdict(
            image=id_,
            engine=name,
            files=len(tree.files),
            differences=differences(expected[id_], tree, (first, name)),
        )
        for name, other in others
        for id_, tree in other.items()
    ]
