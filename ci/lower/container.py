"""Recipes as Dagger calls. Lazy: nothing runs before a result of the returned container is requested.

Dagger is named here for its types alone, so that importing this file stays cheap.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, assert_never

from ci.lower.script import (
    MOUNT,
    account_script,
    apt_script,
    libraries_script,
    venv_script,
    wheels_script,
)
from ci.steps.layout import ROOT, STAGED
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

if TYPE_CHECKING:
    import dagger


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """The objects that replace the references and the build context of a Dockerfile."""

    parent: dagger.Container
    """The image that `From` starts from, as root or with the parent's own user."""
    context: dagger.Directory
    """The build context, with the tree of the image's own files."""
    folders: Mapping[str, dagger.Directory]
    """The folder of each reference that a step mounts: wheelhouse and debhouse."""


def lower(steps: tuple[Step, ...], inputs: Inputs) -> dagger.Container:
    """Return the container that `steps` describe, with no mount left in it.

    The wheelhouse and the debhouse are mounted for one step each, as in a Dockerfile. Dagger cannot switch
    the network off for a step; here an install is offline because its own commands have `--offline`.
    """
    container = inputs.parent
    for step in steps:
        container = _lower(step, container, inputs)
    return container


def _lower(step: Step, container: dagger.Container, inputs: Inputs) -> dagger.Container:
    match step:
        case From():
            return inputs.parent
        case Account():
            return container.with_exec(_shell(account_script(step)))
        case Apt(debhouse=debhouse):
            return _mounted(container, inputs.folders[debhouse], apt_script(step))
        case Venv(wheelhouse=wheelhouse):
            return _mounted(container, inputs.folders[wheelhouse], venv_script(step))
        case Wheels(wheelhouse=wheelhouse):
            return _mounted(container, inputs.folders[wheelhouse], wheels_script(step))
        case Libraries():
            return container.with_exec(_shell(libraries_script(step)))
        case Files(target=target):
            return container.with_directory(target, inputs.context.directory(STAGED), owner=ROOT)
        case Env(values=values):
            for name, value in values:
                container = container.with_env_variable(name, value)
            return container
        case User(user=user):
            return container.with_user(user)
        case Workdir(path=path):
            return container.with_workdir(path)
        case Entrypoint(argv=argv):
            return container.with_entrypoint(list(argv))
        case Label(values=values):
            for name, value in values:
                container = container.with_label(name, value)
            return container
        case _:
            assert_never(step)


def _shell(commands: tuple[str, ...]) -> list[str]:
    return ["sh", "-c", " && ".join(commands)]


def _mounted(
    container: dagger.Container, folder: dagger.Directory, commands: tuple[str, ...]
) -> dagger.Container:
    # A Dockerfile's mount lasts one RUN; Dagger's would stay.
    return (
        container.with_mounted_directory(MOUNT, folder, read_only=True)
        .with_exec(_shell(commands))
        .without_mount(MOUNT)
    )
