"""The folder that is mounted into an image under test: the probe, its request and the images' own files."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import Any

from ci.catalog.files import SMOKE
from ci.catalog.stack import ImageVariant, Stack
from ci.engines.engine import File, Folder, SandboxedProgram
from ci.report.check import Rung
from ci.smoke.probe_request import INPUTS, PROBE, PROBE_LIMIT_S, smoke_request, suite_digest
from ci.steps.layout import VENV

PYTHON = f"{VENV}/bin/python"
REQUEST = "request.json"
READERS = (
    "engines/capabilities.py",
    "engines/sandbox.py",
    "engines/dagger/engine.py",
    "engines/docker.py",
    "engines/gpu.py",
    "engines/program/sandbox.py",
    "smoke/ladder.py",
    "smoke/results.py",
)
"""Code outside the probe that a check's result depends on: it makes the sandbox, or reads the output."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeProgram:
    """What is mounted into an image under test. `suite` is the digest of the suite of checks."""

    folder: Path
    request: dict[str, Any]
    mounts: tuple[tuple[Folder | File, str, str], ...]
    has_uv: bool
    suite: str

    def sandboxed(
        self, rungs: tuple[Rung, ...], config: dict[str, Any], *, gpu_first_only: bool = False
    ) -> SandboxedProgram:
        """Write the request for `rungs` and return the program to run in an image with this `config`."""
        path = self.folder / REQUEST
        path.write_text(
            json.dumps(
                {**self.request, "rungs": [str(rung) for rung in rungs], "gpu_first_only": gpu_first_only}
            )
        )
        path.chmod(0o644)
        return SandboxedProgram(
            argv=(PYTHON, "-I", "-B", f"{PROBE}/probe.py", f"{PROBE}/{REQUEST}"),
            config=config,
            mounts=self.mounts,
            limit_s=PROBE_LIMIT_S,
            gpu=Rung.gpu in rungs,
        )


@contextmanager
def probe_program(
    stack: Stack, image: ImageVariant, *, directory: Path, scratch: Path, uv: File | None, sandbox: str
) -> Iterator[ProbeProgram]:
    """Lay out the program in a folder under `scratch` until the block ends.

    `directory` is the stack's; the folders smoke/ of the image and its ancestors are copied from there. `uv`
    is the binary to mount, `sandbox` the engine's description of its sandbox.
    """
    request = smoke_request(stack, image)
    with tempfile.TemporaryDirectory(prefix="dockwright-probe-", dir=scratch) as name:
        folder = Path(name)
        source = Path(str(files("ci.smoke.program").joinpath("probe.py"))).parent
        shutil.copytree(source, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
        for one in reversed(stack.lineage(image.id)):
            for file in one.smoke.inputs:
                target = folder / INPUTS.removeprefix(f"{PROBE}/") / one.image / file.target
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(directory / one.folder / SMOKE / file.target, target)
        digests = {
            path.relative_to(folder).as_posix(): sha256(path.read_bytes()).hexdigest()
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        } | {name: sha256(files("ci").joinpath(name).read_bytes()).hexdigest() for name in READERS}
        mounts: list[tuple[Folder | File, str, str]] = [(folder, PROBE, "ro")]
        if uv is not None:
            mounts.append((uv, f"{PROBE}/uv", "ro"))
            (folder / "uv").touch()
        for path in (folder, *folder.rglob("*")):
            path.chmod(0o755 if path.is_dir() else 0o644)  # for the image's user, whatever our umask is
        yield ProbeProgram(
            folder=folder,
            request=request,
            mounts=tuple(mounts),
            has_uv=uv is not None,
            suite=suite_digest({**request, "uv": stack.uv}, digests, sandbox),
        )
