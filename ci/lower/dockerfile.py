"""Recipes as Dockerfile text. Pure: no engine, no file, no clock.

A pure `Wheels` step is lowered to a stage of its own and a `COPY` of only its result, so that its layer does
not depend on what lies under it and is found again in any builder's cache by content.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import assert_never

from ci.lower.script import LAYER, MOUNT, account_script, apt_script, venv_script, wheels_script
from ci.steps.recipe import ROOT
from ci.steps.step import (
    Account,
    Apt,
    Copy,
    Entrypoint,
    Env,
    Files,
    From,
    Label,
    Step,
    User,
    Venv,
    Wheels,
    Workdir,
)

PARENT_ARG = "PARENT"
WHEELS_ARG = "WHEELS"
DEBS_ARG = "DEBS"
"""Build arguments: the parent's reference, and the digests of the parts of the wheelhouse and the debhouse
that the image uses. A builder that keys its cache by instruction text alone needs the digests."""


@dataclass(slots=True)
class _Stages:
    """Instructions so far; `open_stage` is where the current stage began."""

    lines: list[str] = field(default_factory=list)
    open_stage: int = 0

    def run(self, commands: tuple[str, ...], mount: str = "") -> None:
        text = " && \\\n    ".join(commands)
        self.lines.append(f"RUN {mount}{text}")


def instructions(steps: tuple[Step, ...]) -> tuple[str, ...]:
    """Return the instructions of `steps`, each one complete, without comments."""
    stages = _Stages()
    for step in steps:
        _lower(step, stages)
    return tuple(stages.lines)


def _lower(step: Step, stages: _Stages) -> None:
    match step:
        case From(default_reference=reference):
            stages.lines += [f"ARG {PARENT_ARG}={reference}", f"FROM ${{{PARENT_ARG}}}"]
            stages.open_stage = 1
        case Account():
            stages.run(account_script(step))
        case Apt(debhouse=debhouse):
            stages.lines.append(f"ARG {DEBS_ARG}")
            stages.run(apt_script(step), _bind(debhouse))
        case Venv(wheelhouse=wheelhouse):
            stages.run(venv_script(step), _bind(wheelhouse))
        case Wheels():
            _wheels(step, stages)
        case Files(copies=copies):
            stages.lines += [_copy(copy) for copy in copies]
        case Env(values=values):
            stages.lines += [f"ENV {name}={_quoted(value)}" for name, value in values]
        case User(user=user):
            stages.lines.append(f"USER {user}")
        case Workdir(path=path):
            stages.lines.append(f"WORKDIR {path}")
        case Entrypoint(argv=argv):
            stages.lines.append(f"ENTRYPOINT {json.dumps(list(argv))}")
        case Label(values=values):
            stages.lines += [f"LABEL {name}={_quoted(value)}" for name, value in values]
        case _:
            assert_never(step)


def _wheels(step: Wheels, stages: _Stages) -> None:
    start = f"${{{PARENT_ARG}}}"
    if stages.open_stage < len(stages.lines) - 1:
        stages.lines[stages.open_stage] += " AS start"
        start = "start"
        stages.lines.append(f"FROM {start} AS wheels")
    else:
        stages.lines[stages.open_stage] += " AS wheels"
    stages.lines += [f"USER {ROOT}", f"ARG {WHEELS_ARG}"]
    stages.run(wheels_script(step), _bind(step.wheelhouse))
    stages.open_stage = len(stages.lines)
    stages.lines += [f"FROM {start}", f"COPY --from=wheels {LAYER}/ /"]


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
