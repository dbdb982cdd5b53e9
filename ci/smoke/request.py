"""What the probe is asked to look at inside an image: its own declarations and its ancestors'. Pure."""

from __future__ import annotations

from typing import Any

from ci.catalog.stack import ImageVariant, Stack

CUDA_DRIVER = "libcuda.so.1"
"""The one library that comes with the machine and not with a CUDA image."""

FORBIDDEN_PROGRAMS = ("cc", "gcc", "g++", "c++", "clang", "ld", "make", "cython", "pip", "pip3", "uv")
COMMAND_LIMIT_S = 60.0
IMPORT_LIMIT_S = 120.0


def ancestors(stack: Stack, image: ImageVariant) -> tuple[ImageVariant, ...]:
    """Return `image` and what it is built on within the stack, the lowest first."""
    line = [image]
    while not line[0].is_root:
        line.insert(0, stack.get(line[0].parent))
    return tuple(line)


def smoke_request(stack: Stack, image: ImageVariant) -> dict[str, Any]:
    """Return the document that program/probe.py reads.

    `distributions` maps each requested distribution to the module that is imported for it, an empty string
    where the probe finds it in the installed metadata.
    """
    line = ancestors(stack, image)
    names = {name: override for one in line for name, override in one.smoke.imports}
    distributions = {name: names.get(name, "") for one in line for name in one.requirements}
    entrypoint = next((one.entrypoint for one in reversed(line) if one.entrypoint), ())
    return {
        "uid": stack.uid,
        "gid": stack.gid,
        "distributions": distributions,
        "help": [*entrypoint, "--help"] if entrypoint and image.smoke.help else [],
        "commands": [list(command) for one in line for command in one.smoke.commands],
        "unresolved_allowed": [
            *([CUDA_DRIVER] if image.variant == "cuda" else []),
            *(name for one in line for name in one.smoke.unresolved),
        ],
        "forbidden_programs": list(FORBIDDEN_PROGRAMS),
        "command_limit_s": COMMAND_LIMIT_S,
        "import_limit_s": IMPORT_LIMIT_S,
    }
