"""Recipes as Dockerfile text. Pure: no engine, no file, no clock."""

from __future__ import annotations

import json
import re
from typing import assert_never

from ci.lower.script import (
    MOUNT,
    account_script,
    apt_script,
    libraries_script,
    venv_script,
    wheels_script,
)
from ci.steps.step import (
    Account,
    Apt,
    Copy,
    Entrypoint,
    Env,
    Files,
    From,
    Label,
    Libraries,
    Step,
    User,
    Venv,
    Wheels,
    Workdir,
)

PARENT_ARG = "PARENT"
DEBS_ARG = "DEBS"
"""Build arguments: the parent's reference, and the digest of the part of the debhouse that the image uses. A
builder whose cache depends on the instruction text alone needs the digests of mounted folders."""


def wheels_arg(name: str) -> str:
    """Return the build argument with the digest of the wheelhouse's list `name`."""
    return f"WHEELS_{re.sub('[^A-Za-z0-9]', '_', name).upper()}"


def instructions(steps: tuple[Step, ...]) -> tuple[str, ...]:
    """Return the instructions of `steps`, each one complete, without comments."""
    return tuple(line for step in steps for line in _lower(step))


def _lower(step: Step) -> list[str]:
    match step:
        case From(default_reference=reference):
            return [f"ARG {PARENT_ARG}={reference}", f"FROM ${{{PARENT_ARG}}}"]
        case Account():
            return [_run(account_script(step))]
        case Apt(debhouse=debhouse):
            return [f"ARG {DEBS_ARG}", _run(apt_script(step), _bind(debhouse))]
        case Venv(wheelhouse=wheelhouse):
            return [_run(venv_script(step), _bind(wheelhouse))]
        case Wheels(name=name, wheelhouse=wheelhouse):
            return [f"ARG {wheels_arg(name)}", _run(wheels_script(step), _bind(wheelhouse))]
        case Libraries():
            return [_run(libraries_script(step))]
        case Files(copies=copies):
            return [_copy(copy) for copy in copies]
        case Env(values=values):
            return [f"ENV {name}={_quoted(value)}" for name, value in values]
        case User(user=user):
            return [f"USER {user}"]
        case Workdir(path=path):
            return [f"WORKDIR {path}"]
        case Entrypoint(argv=argv):
            return [f"ENTRYPOINT {json.dumps(list(argv))}"]
        case Label(values=values):
            return [f"LABEL {name}={_quoted(value)}" for name, value in values]
        case _:
            assert_never(step)


def _run(commands: tuple[str, ...], mount: str = "") -> str:
    text = " && \\\n    ".join(commands)
    return f"RUN {mount}{text}"


def _bind(reference: str) -> str:
    return f"--mount=type=bind,from={reference},target={MOUNT} \\\n    "


def _copy(copy: Copy) -> str:
    words = [f"--chmod={copy.mode}", *copy.sources, copy.target]
    if any(" " in word for word in words):
        return f"COPY --chmod={copy.mode} {json.dumps([*copy.sources, copy.target])}"
    return f"COPY {' '.join(words)}"


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("$", "\\$")
    return f'"{escaped}"'
