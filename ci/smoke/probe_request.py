"""What the probe is asked to look at inside an image: its own declarations and its ancestors'. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from ci.catalog.files import SMOKE
from ci.catalog.stack import ImageVariant, Stack
from ci.smoke.ladder import NEEDS
from ci.steps.layout import TINI

CUDA_DRIVER = "libcuda.so.1"
"""The one library that comes with the machine and not with a CUDA image."""
PYTHON = ("python",)
"""What an image without a program of its own starts; it needs no `--help`."""

COMPILERS = (
    r"(x86_64-linux-gnu-)?(cc|gcc|g\+\+|c\+\+|cpp|clang|clang\+\+|gfortran|ld|ld\.(bfd|gold|lld)|as|make|gmake|"
    r"cmake|ninja|rustc|cargo|go|nvcc|cython)(-?\d+(\.\d+)*)?"
)
"""File names of compilers and of what only they need."""
INSTALLERS = r"(pip|uv|uvx|poetry|conda)(\d+(\.\d+)*)?"
"""File names of installers. A base from outside may bring its own; the environment has none."""
COMMAND_LIMIT_S = 60.0
RUN_LIMIT_S = 120.0
IMPORT_LIMIT_S = 120.0
PROBE = "/run/probe"
"""Where the probe is in an image under test."""
INPUTS = f"{PROBE}/inputs"
"""Where the images' folders smoke/ are, each below its image's name."""
PROBE_LIMIT_S = 900.0
"""Most that all checks of an image may take together; each has a limit of its own."""


def entrypoint_of(stack: Stack, image: ImageVariant) -> tuple[str, ...]:
    """Return what `image` starts behind tini: its own program, else the nearest ancestor's."""
    return next((one.entrypoint for one in stack.lineage(image.id) if one.entrypoint), PYTHON)


def runs_of(image: ImageVariant) -> dict[str, list[str]]:
    """Return the real runs of an image by name, as the probe starts them; see `INPUTS`."""
    folder = f"{INPUTS}/{image.image}"
    return {
        f"{' '.join(words)} of {image.image}": [
            f"{folder}/{word.removeprefix(f'{SMOKE}/')}" if word.startswith(f"{SMOKE}/") else word
            for word in words
        ]
        for words in image.smoke.runs
    }


def smoke_request(stack: Stack, image: ImageVariant) -> dict[str, Any]:
    """Return the document that program/probe.py reads, but for the rungs that it is to do.

    `distributions` maps each requested distribution to the module that is imported for it, an empty string
    where the probe finds it in the installed metadata.
    """
    line = stack.lineage(image.id)[::-1]
    names = {name: module for one in line for name, module in one.smoke.imports}
    program = entrypoint_of(stack, image)
    commands = dict.fromkeys(command for one in line for command in one.smoke.commands)
    runs = {name: argv for one in line for name, argv in runs_of(one).items()}
    allowed = dict.fromkeys(name for one in line for name in one.smoke.unresolved)
    return {
        "user": stack.user,
        "uid": stack.uid,
        "gid": stack.gid,
        "python": stack.python,
        "distributions": {name: names.get(name, "") for one in line for name in sorted(one.requirements)},
        "help": [TINI, "--", *program, "--help"] if image.smoke.help else [],
        "commands": [list(command) for command in commands],
        "runs": runs,
        "needs": {rung: list(below) for rung, below in NEEDS.items() if below},
        "unresolved_allowed": [*([CUDA_DRIVER] if image.variant == "cuda" else []), *allowed],
        "gpu_device": "cuda",
        "compilers": COMPILERS,
        "installers": INSTALLERS,
        "command_limit_s": COMMAND_LIMIT_S,
        "run_limit_s": RUN_LIMIT_S,
        "import_limit_s": IMPORT_LIMIT_S,
    }


def suite_digest(request: Mapping[str, Any], program: Mapping[str, str], closes: str) -> str:
    """Return 64 hex digits: of what is asked of an image, of the code that asks it, of how it is closed in.

    `program` has the sha256 of every file of that code by its path, the files of the images' folders smoke/
    among them.
    """
    document = {"schema": 1, "request": request, "program": dict(program), "closes": closes}
    return sha256(json.dumps(document, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
