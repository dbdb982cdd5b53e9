"""Recipes as Dockerfile text. Pure: no engine, no file, no clock."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import assert_never

from ci.lower.digest_args import DEBS_ARG, UV_ARG, wheels_arg
from ci.lower.quoting import checked_lines, dockerfile_word, exec_form
from ci.lower.script import (
    MOUNT,
    account_script,
    apt_script,
    libraries_script,
    venv_script,
    wheels_script,
)
from ci.steps.layout import STAGED
from ci.steps.step import (
    Account,
    Apt,
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
"""The build argument with the parent's reference."""


@dataclass(frozen=True, slots=True)
class Mount:
    """A folder that one RUN sees at `MOUNT`: its `reference`, and the build argument with its digest.

    The digest is that of the part which is used. A builder whose cache depends on the text of an instruction
    and its arguments alone would otherwise take a layer that was made of other content; so only this class
    writes a mount, and never without its argument.
    """

    reference: str
    digest_arg: str

    def __post_init__(self) -> None:
        if not self.reference or not self.digest_arg:
            raise ValueError("a mount has a reference and the build argument of its digest")

    def run(self, commands: tuple[str, ...]) -> list[str]:
        """Return the instructions that run `commands` with this folder."""
        mount = f"--mount=type=bind,from={self.reference},target={MOUNT} \\\n    "
        return [f"ARG {self.digest_arg}", _run(commands).replace("RUN ", f"RUN {mount}", 1)]


def instructions(steps: tuple[Step, ...]) -> tuple[str, ...]:
    """Return the instructions of `steps`, each one complete, without comments.

    Raises:
        CatalogError: a line would be longer than a builder reads.
    """
    return tuple(checked_lines(text) for step in steps for text in _lower(step))


def label_instruction(labels: Iterable[tuple[str, str]]) -> str:
    """Return the instruction that sets `labels`, of which there is at least one."""
    return _pairs("LABEL", labels)


def declared_args(text: str) -> tuple[str, ...]:
    """Return the build arguments that the instructions in `text` declare, in order."""
    return tuple(re.findall(r"^ARG (\w+)", text, re.MULTILINE))


def _lower(step: Step) -> list[str]:
    match step:
        case From(default_reference=reference):
            return [f"ARG {PARENT_ARG}={reference}", f"FROM ${{{PARENT_ARG}}}"]
        case Account():
            return [_run(account_script(step))]
        case Apt(debhouse=debhouse):
            return Mount(debhouse, DEBS_ARG).run(apt_script(step))
        case Venv(wheelhouse=wheelhouse):
            return Mount(wheelhouse, UV_ARG).run(venv_script(step))
        case Wheels(name=name, wheelhouse=wheelhouse):
            return Mount(wheelhouse, wheels_arg(name)).run(wheels_script(step))
        case Libraries():
            return [_run(libraries_script(step))]
        case Files(target=target):
            return [f"COPY {STAGED}/ {target}/"]
        case Env(values=values):
            return [_pairs("ENV", values)]
        case User(user=user):
            return [f"USER {user}"]
        case Workdir(path=path):
            return [f"WORKDIR {path}"]
        case Entrypoint(argv=argv):
            return [f"ENTRYPOINT {exec_form(argv)}"]
        case Label(values=values):
            return [label_instruction(values)]
        case _:
            assert_never(step)


def _run(commands: tuple[str, ...]) -> str:
    return "RUN " + " && \\\n    ".join(commands)


def _pairs(word: str, values: Iterable[tuple[str, str]]) -> str:
    return f"{word} " + " \\\n    ".join(f"{name}={dockerfile_word(value)}" for name, value in values)
