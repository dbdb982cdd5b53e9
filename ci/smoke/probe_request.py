"""The request of the probe: what the image and its ancestors declare to be checked. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from hashlib import sha256
from typing import Any

from ci.catalog.files import SMOKE
from ci.catalog.stack import ImageVariant, Stack
from ci.smoke.contents_request import CONTENTS_LIMIT_S, contents_request
from ci.smoke.entrypoint_module import entrypoint_module
from ci.smoke.ladder import NEEDS
from ci.steps.layout import TINI

CUDA_DRIVER = "libcuda.so.1"
"""The one library that comes with the machine and not with a CUDA image."""
PYTHON = ("python",)
"""What an image without a program of its own starts. It needs no `--help`."""

COMPILERS = (
    r"(x86_64-linux-gnu-)?(cc|gcc|g\+\+|c\+\+|cpp|clang|clang\+\+|gfortran|ld|ld\.(bfd|gold|lld)|as|make|gmake|"
    r"cmake|ninja|rustc|cargo|go|nvcc|cython)(-?\d+(\.\d+)*)?"
)
"""File names of compilers and their tools."""
INSTALLERS = r"(pip|uv|uvx|poetry|conda)(\d+(\.\d+)*)?"
"""File names of installers. An external base image may have some; the virtual environment may not."""
COMMAND_LIMIT_S = 60.0
START_LIMIT_S = 5.0
"""A program that still runs after this time could be started."""
RUN_LIMIT_S = 120.0
IMPORT_LIMIT_S = 120.0
PROBE = "/run/probe"
"""Where the probe is in an image under test."""
INPUTS = f"{PROBE}/inputs"
"""The folder of the images' folders smoke/, each under the name of its image."""
PROBE_LIMIT_S = 900.0
"""The time limit of all checks of an image together. Each check has its own limit too."""


def entrypoint_of(stack: Stack, image: ImageVariant) -> tuple[str, ...]:
    """Return what `image` starts behind tini: its own program, or else the nearest ancestor's."""
    return next((one.entrypoint for one in stack.lineage(image.id) if one.entrypoint), PYTHON)


def started_by(stack: Stack, image: ImageVariant) -> tuple[ImageVariant, ...]:
    """Return `image` and its ancestors up to the one whose program it starts.

    What one of them switches off about that program is off for `image`.
    """
    line = stack.lineage(image.id)
    owner = next((index for index, one in enumerate(line) if one.entrypoint), len(line))
    return line[: owner + 1]


def runs_of(image: ImageVariant) -> dict[str, list[str]]:
    """Return the real runs of an image by name, as the probe starts them: with paths under `INPUTS`."""
    folder = f"{INPUTS}/{image.image}"
    return {
        f"{' '.join(argv)} of {image.image}": [
            f"{folder}/{argument.removeprefix(f'{SMOKE}/')}" if argument.startswith(f"{SMOKE}/") else argument
            for argument in argv
        ]
        for argv in image.smoke.runs
    }


def smoke_request(stack: Stack, image: ImageVariant) -> dict[str, Any]:
    """Return the document that program/probe.py reads, without the rungs to do.

    `distributions` maps each requested distribution to the module to import; if that is an empty string, the
    probe finds the module in the installed metadata.
    """
    line = stack.lineage(image.id)[::-1]
    names = {name: module for one in line for name, module in one.smoke.imports}
    program = entrypoint_of(stack, image)
    declared = [one.smoke for one in started_by(stack, image)]
    has_help = all(one.help for one in declared)
    starts = not has_help and all(one.start for one in declared)
    is_imported = all(one.import_entrypoint for one in declared)
    commands = dict.fromkeys(command for one in line for command in one.smoke.commands)
    runs = {name: argv for one in line for name, argv in runs_of(one).items()}
    allowed = dict.fromkeys(name for one in line for name in one.smoke.unresolved)
    return {
        "user": stack.user,
        "uid": stack.uid,
        "gid": stack.gid,
        "python": stack.python,
        "distributions": {name: names.get(name, "") for one in line for name in sorted(one.requirements)},
        "contents": contents_request(stack, image),
        "contents_limit_s": CONTENTS_LIMIT_S,
        "files": {
            file.target: f"{one.folder}/{file.path}" for one in line for file in one.files if file.sha256
        },
        "entrypoint_module": _entrypoint_module(line, program) if is_imported else None,
        "help": [TINI, "--", *program, "--help"] if has_help else [],
        "start": [TINI, "--", *program] if starts else [],
        "commands": [list(command) for command in commands],
        "runs": runs,
        "needs": {rung: list(below) for rung, below in NEEDS.items() if below},
        "unresolved_allowed": [*([CUDA_DRIVER] if image.variant == "cuda" else []), *allowed],
        "gpu_device": "cuda",
        "compilers": COMPILERS,
        "installers": INSTALLERS,
        "command_limit_s": COMMAND_LIMIT_S,
        "start_limit_s": START_LIMIT_S,
        "run_limit_s": RUN_LIMIT_S,
        "import_limit_s": IMPORT_LIMIT_S,
    }


def _entrypoint_module(line: Sequence[ImageVariant], program: tuple[str, ...]) -> dict[str, Any] | None:
    """Return what an entrypoint imports in an image whose ancestors and itself are `line`."""
    found = entrypoint_module(program, {name: value for one in line for name, value in one.env})
    return None if found is None else json.loads(json.dumps(asdict(found)))


def suite_digest(request: Mapping[str, Any], program: Mapping[str, str], sandbox: str) -> str:
    """Return 64 hex digits that change if the request, the code of the checks or the sandbox changes.

    `program` has the sha256 of every file of that code by its path, files of the images' folders smoke/
    included.
    """
    document = {"schema": 3, "request": request, "program": dict(program), "sandbox": sandbox}
    return sha256(json.dumps(document, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
