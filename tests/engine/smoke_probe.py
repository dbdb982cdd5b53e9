"""The tiny image in a store of its own, and the probe run in it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import anyio

from ci.engines.buildah.commands import Buildah
from ci.engines.buildah.engine import BuildahEngine
from ci.engines.buildah.find_storage import find_storage
from ci.engines.engine import Output, SandboxedProgram
from ci.engines.process.command import ProcessResult
from ci.engines.process.namespaces import pid_namespace
from ci.engines.process.privilege import find_privilege
from ci.engines.process.runner import Runner
from ci.report.check import Check, Status
from ci.smoke.probe_request import smoke_request
from ci.smoke.results import parse_results
from tests.engine.smoke_image import stage_stack, write_root

IMAGE = "smoke/stage:cpu"
USER = "1000:1000"


@dataclass(frozen=True, slots=True, kw_only=True)
class TinyImage:
    """An engine whose store holds the tiny image alone; a fault is a file that is mounted over it."""

    engine: BuildahEngine
    folder: Path

    async def probe(
        self, there: Mapping[str, bytes | None] | None = None, run_as: str = USER, **changes: object
    ) -> dict[str, Check]:
        """Return the checks of the image by name, with `there` in it and another request.

        `there` is content by path, none for a folder that is root's alone.
        """
        ended = await self.ended(there, run_as, changes)
        found = parse_results(ended.output, ended.status, reason=ended.termination_reason, tail=ended.tail)
        return {check.name: check for check in found}

    async def ended(
        self,
        there: Mapping[str, bytes | None] | None = None,
        run_as: str = USER,
        changes: Mapping[str, object] | None = None,
        *,
        limit_s: float = 120.0,
        limit_bytes: int = 2**26,
    ) -> ProcessResult:
        """Return how the probe ended, in the sandbox of a run."""
        stack = stage_stack()
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        folder.chmod(0o755)
        program, mounts = folder / "program", list[tuple[Path, str, str]]()
        source = str(files("ci.smoke.program").joinpath(""))
        shutil.copytree(source, program, ignore=lambda *_: {"__pycache__"})
        rungs = {"rungs": ["structure", "imports", "closure", "programs"], "gpu_first_only": False}
        request: dict[str, Any] = {**smoke_request(stack, stack.images[0]), **rungs, **(changes or {})}
        (program / "request.json").write_text(json.dumps(request))
        for number, (path, content) in enumerate((there or {}).items()):
            file = folder / f"file-{number}"
            if content is None:
                file.mkdir(mode=0o700)
            else:
                file.write_bytes(content)
                file.chmod(0o755)
            mounts.append((file, path, "ro"))
        mounts.append((program, "/run/probe", "ro"))
        config = (await self.engine.inspect(IMAGE)).config
        closed = SandboxedProgram(
            argv=("/opt/venv/bin/python", "-I", "-B", "/run/probe/probe.py", "/run/probe/request.json"),
            config={**config, "config": {**config["config"], "User": run_as}},
            mounts=tuple(mounts),
            limit_s=limit_s,
            limit_bytes=limit_bytes,
        )
        return await self.engine.run_sandboxed((await self.engine.images())[IMAGE], closed, Output())


@contextmanager
def tiny_image(folder: Path) -> Iterator[TinyImage]:
    """Make the tiny image in a store under `folder`; all of it goes afterwards."""
    privilege = find_privilege()
    roots = ("--root", str(folder / "store"), "--runroot", str(folder / "run"))
    storage = find_storage(roots, privilege.prefix, os.environ)
    engine = BuildahEngine(
        buildah=Buildah(
            privilege=privilege,
            storage=storage,
            tmpdir=str(folder),
            pid_namespace=pid_namespace(privilege.prefix),
        ),
        runner=Runner(),
    )
    write_root(folder / "root.tar")
    anyio.run(engine.import_root, folder / "root.tar", IMAGE, {"PATH": "/opt/venv/bin:/usr/bin"}, Output())
    try:
        yield TinyImage(engine=engine, folder=folder)
    finally:
        remove = (*privilege.prefix, "buildah", *storage.options, "rmi", "--all", "--force")
        subprocess.run(remove, check=True, capture_output=True)
        subprocess.run((*privilege.prefix, "umount", "--quiet", str(folder / "store/overlay")), check=False)
        subprocess.run((*privilege.prefix, "rm", "-rf", str(folder)), check=True)


def wrong(checks: Mapping[str, Check]) -> dict[str, str]:
    """Return the details of the checks that failed."""
    return {name: check.detail for name, check in checks.items() if check.status is Status.failed}
