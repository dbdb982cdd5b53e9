"""One of the two builds of `verify-repro`, a process: `python -m ci.run.verify.repro_build REQUEST`.

`REQUEST` is JSON: see `ReproRequest`. What the images are made of is written to the folder `evidence`:
`images.json` (config and DiffIDs by image variant) and a tar-split file per layer.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import anyio

from ci.engines.capabilities import REPRODUCIBLE
from ci.engines.choose import choose_reproducible_engine
from ci.engines.engine import Engine, Output
from ci.errors import DockwrightError
from ci.plan.plan import Plan
from ci.report.event_text import line_of
from ci.report.events import Event
from ci.run.build.execution import build_plan
from ci.run.build.planned_run import PlannedRun
from ci.run.build.request import Request
from ci.run.inputs.local import LocalInputs
from ci.run.workspace.local_store import Store
from ci.run.workspace.workspace import Workspace, open_workspace
from ci.settings import read_settings

IMAGES = "images.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReproRequest:
    """What one of the two processes builds, where, and in what environment.

    Attributes:
        stack, root, evidence: directory of the stack, root of the store, folder for what was found.
        names, variants, base: as on the command line.
        umask: of this process, octal text.
        rename_parents: whether images are built from parents under other names.
        proxy: a proxy that does not answer, set once everything is fetched; empty: none.
    """

    stack: str
    root: str = ""
    evidence: str = ""
    names: tuple[str, ...]
    variants: tuple[str, ...]
    base: str
    umask: str = "022"
    rename_parents: bool = False
    proxy: str = ""


def main(path: str) -> int:
    """Build what the request at `path` asks for and return the exit code."""
    value = json.loads(Path(path).read_text(encoding="utf-8"))
    request = ReproRequest(**{**value, "names": tuple(value["names"]), "variants": tuple(value["variants"])})
    os.umask(int(request.umask, 8))
    try:
        return anyio.run(_build, request)
    except DockwrightError as error:
        print(f"dockwright: {error}", flush=True)
        return error.exit_code


async def _build(asked: ReproRequest) -> int:
    settings = read_settings(stack=Path(asked.stack), root=Path(asked.root), engine=REPRODUCIBLE)
    workspace = open_workspace(settings.with_(base=asked.base or None))
    choose = partial(choose_reproducible_engine, rename_parents=asked.rename_parents)
    engine = await anyio.to_thread.run_sync(choose, workspace.settings, workspace.runner)
    plan = await workspace.plan(asked.names, asked.variants, store=Store(ids=await engine.images()))
    if asked.proxy:
        await _fetch(workspace, engine, plan)
        for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
            os.environ[name] = asked.proxy
    run = PlannedRun(
        workspace=workspace,
        request=Request(names=asked.names, variants=asked.variants, argv=tuple(sys.argv[1:])),
        plan=plan,
        store=Store(ids=await engine.images()),
        listeners=(_show,),
    )
    report, _ = await build_plan(engine, run)
    if report.exit_code == 0:
        await _write_evidence(engine, plan, Path(asked.evidence))
    return 1 if report.exit_code is None else report.exit_code


async def _fetch(workspace: Workspace, engine: Engine, plan: Plan) -> None:
    inputs = LocalInputs(workspace=workspace, engine=engine)
    output = Output(log=workspace.state.root / "fetch.log")
    workspace.state.root.mkdir(parents=True, exist_ok=True)
    await inputs.base(output)
    await inputs.debhouse(output)
    for variant in sorted({planned.image.variant for planned in plan.images}):
        await inputs.wheelhouse(variant, output)


async def _write_evidence(engine: Engine, plan: Plan, folder: Path) -> None:
    found: dict[str, Any] = {}
    for planned in plan.images:
        info = await engine.inspect(planned.reference)
        diff_ids = [diff_id for diff_id, _ in info.layers]
        found[planned.id] = {"id": info.id, "config": info.config, "layers": diff_ids}
    assert engine.store is not None
    await engine.store.copy_layer_records(folder)
    (folder / IMAGES).write_text(json.dumps(found), encoding="utf-8")


def _show(event: Event) -> None:
    line = line_of(event)
    if line:
        print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
