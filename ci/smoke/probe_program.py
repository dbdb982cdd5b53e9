"""The folder that is mounted into an image under test: the probe, its request and the images' own files."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import Any

from ci.catalog.files import SMOKE
from ci.catalog.stack import ContextFile, ImageVariant, Stack
from ci.engines.engine import File, Folder, SandboxedProgram
from ci.report.check import Rung
from ci.smoke.probe_request import INPUTS, PROBE, PROBE_LIMIT_S, smoke_request, suite_digest
from ci.steps.layout import VENV

PYTHON = f"{VENV}/bin/python"
REQUEST = "request.json"
PARENT_FILE = "parent.tree"
"""The parent's files, for program/probe.py."""
READERS = (
    "catalog/image_rules.py",
    "engines/capabilities.py",
    "engines/sandbox.py",
    "engines/dagger/engine.py",
    "engines/docker.py",
    "engines/gpu.py",
    "engines/program/filter.py",
    "engines/program/image_layers.py",
    "engines/program/sandbox.py",
    "engines/program/system_calls.py",
    "smoke/image_checks.py",
    "smoke/ladder.py",
    "smoke/parent_files.py",
    "smoke/results.py",
    "smoke/size.py",
    "smoke/structure.py",
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
        self,
        rungs: tuple[Rung, ...],
        config: dict[str, Any],
        *,
        gpu_first_only: bool = False,
        only: tuple[str, ...] = (),
        is_whole: bool = False,
    ) -> SandboxedProgram:
        """Write the request for `rungs` and return the program to run in an image with this `config`.

        With `only` the contents below these paths alone are checked. `is_whole`: the image has no parent that
        accounts for a part of it.
        """
        more = {"gpu_first_only": gpu_first_only, "only": only, "is_whole": is_whole}
        return self._started(PYTHON, config, rungs=rungs, **more)

    def lister(self, config: dict[str, Any]) -> SandboxedProgram:
        """Return the program that lists the files of an image with this `config`, or of a base image."""
        return self._started(f"python{self.request['python']}", config, lists_files=True)

    def compare_with(self, listing: str) -> None:
        """Let the contents be compared with those of the parent, as `lister` printed them."""
        path = self.folder / PARENT_FILE
        path.write_text(listing)
        path.chmod(0o644)

    def _started(
        self, python: str, config: dict[str, Any], *, rungs: tuple[Rung, ...] = (), **more: object
    ) -> SandboxedProgram:
        path = self.folder / REQUEST
        path.write_text(json.dumps({**self.request, "rungs": [str(rung) for rung in rungs], **more}))
        path.chmod(0o644)
        return SandboxedProgram(
            argv=(python, "-I", "-B", f"{PROBE}/probe.py", f"{PROBE}/{REQUEST}"),
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
        inputs: dict[str, str] = {}
        for one in reversed(stack.lineage(image.id)):
            for file in one.smoke.inputs:
                name = _input_name(one, file)
                target = folder / name
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(directory / one.folder / SMOKE / file.target, target)
                inputs[name] = sha256(target.read_bytes()).hexdigest()
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
            suite=_suite(stack, request, inputs, sandbox),
        )


def present_suite(stack: Stack, image: ImageVariant, sandbox: str) -> str:
    """Return the digest of the suite that checks `image` now: what `probe_program` would lay out.

    The files of the folders smoke/ are those that were read with the catalog.
    """
    inputs = {
        _input_name(one, file): file.sha256 for one in stack.lineage(image.id) for file in one.smoke.inputs
    }
    return _suite(stack, smoke_request(stack, image), inputs, sandbox)


def _suite(stack: Stack, request: dict[str, Any], inputs: dict[str, str], sandbox: str) -> str:
    return suite_digest({**request, "uv": stack.uv}, {**_code_digests(), **inputs}, sandbox)


def _input_name(image: ImageVariant, file: ContextFile) -> str:
    """Return the path of a file of the folder smoke/ of `image`, relative to the mounted folder."""
    return f"{INPUTS.removeprefix(f'{PROBE}/')}/{image.image}/{file.target}"


@cache
def _code_digests() -> dict[str, str]:
    """Return the sha256 of each file of the code that checks, by its path."""
    source = Path(str(files("ci.smoke.program").joinpath("probe.py"))).parent
    program = {path.relative_to(source).as_posix(): path for path in sorted(source.rglob("*.py"))}
    readers = {name: Path(str(files("ci").joinpath(name))) for name in READERS}
    return {name: sha256(path.read_bytes()).hexdigest() for name, path in {**program, **readers}.items()}
