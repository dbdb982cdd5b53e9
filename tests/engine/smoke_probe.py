"""The tiny image in a store of its own, and the probe run in it."""

from __future__ import annotations

import json
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

from ci.engines.buildah import Buildah
from ci.engines.embedded import EmbeddedEngine
from ci.engines.engine import Output
from ci.engines.privilege import privilege
from ci.engines.runner import Runner
from ci.errors import CommandError
from ci.report.check import Check, Status
from ci.smoke.request import smoke_request
from ci.smoke.results import parse_results
from tests.engine.smoke_image import stage_stack, write_root

IMAGE = "smoke/stage:cpu"
USER = "1000:1000"


@dataclass(frozen=True, slots=True, kw_only=True)
class TinyImage:
    """An engine whose store holds the tiny image alone; a fault is a file that is mounted over it."""

    engine: EmbeddedEngine
    folder: Path

    async def probe(
        self, there: Mapping[str, bytes] | None = None, run_as: str = USER, **changes: object
    ) -> dict[str, Check]:
        """Return the checks of the image by name, with `there` (path: content) in it and another request."""
        stack = stage_stack()
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        folder.chmod(0o755)
        program, mounts = folder / "program", []
        source = str(files("ci.smoke.program").joinpath(""))
        shutil.copytree(source, program, ignore=lambda *_: {"__pycache__"})
        request: dict[str, Any] = {**smoke_request(stack, stack.images[0]), **changes}
        (program / "request.json").write_text(json.dumps(request))
        for number, (path, content) in enumerate((there or {}).items()):
            file = folder / f"file-{number}"
            file.write_bytes(content)
            file.chmod(0o755)
            mounts.append((file, path, "ro"))
        argv = ["/opt/venv/bin/python", "-I", "-B", "/run/probe/probe.py", "/run/probe/request.json"]
        mounts.append((program, "/run/probe", "ro"))
        try:
            text = await self.engine.run(IMAGE, argv, mounts=mounts, user=run_as, output=Output())
        except CommandError as error:
            return {check.name: check for check in parse_results(error.tail, error.status)}
        return {check.name: check for check in parse_results(text, 0)}


@contextmanager
def tiny_image(folder: Path) -> Iterator[TinyImage]:
    """Make the tiny image in a store under `folder`; all of it goes afterwards."""
    store = ("--root", str(folder / "store"), "--runroot", str(folder / "run"))
    engine = EmbeddedEngine(
        buildah=Buildah(privilege=privilege(), store=store, tmpdir=str(folder)), runner=Runner()
    )
    write_root(folder / "root.tar")
    anyio.run(engine.import_root, folder / "root.tar", IMAGE, {"PATH": "/opt/venv/bin:/usr/bin"}, Output())
    try:
        yield TinyImage(engine=engine, folder=folder)
    finally:
        remove = (*privilege(), "buildah", *store, "rmi", "--all", "--force")
        subprocess.run(remove, check=True, capture_output=True)
        subprocess.run((*privilege(), "umount", "--quiet", str(folder / "store/overlay")), check=False)
        subprocess.run((*privilege(), "rm", "-rf", str(folder)), check=True)


def wrong(checks: Mapping[str, Check]) -> dict[str, str]:
    """Return the details of the checks that failed."""
    return {name: check.detail for name, check in checks.items() if check.status is Status.failed}
