"""Recipes as Dagger calls. Lazy: nothing runs before a result of the returned container is requested.

Dagger is named here for its types alone, so that importing this file stays cheap.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from posixpath import basename, split
from typing import TYPE_CHECKING, assert_never

from ci.lower.script import (
    MOUNT,
    account_script,
    apt_script,
    libraries_script,
    venv_script,
    wheels_script,
)
from ci.steps.layout import ROOT
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

if TYPE_CHECKING:
    import dagger


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """The objects that replace the references and the build context of a Dockerfile."""

    parent: dagger.Container
    """The image that `From` starts from, as root or with the parent's own user."""
    context: dagger.Directory
    """The image's own folder."""
    folders: Mapping[str, dagger.Directory]
    """The folder of each reference that a step mounts: wheelhouse and debhouse."""


def lower(client: dagger.Client, steps: tuple[Step, ...], inputs: Inputs) -> dagger.Container:
    """Return the container that `steps` describe, with no mount left in it.

    The wheelhouse and the debhouse are mounted for one step each, as in a Dockerfile. Dagger cannot switch
    the network off for a step; here an install is offline because its own commands have `--offline`.
    """
    container = inputs.parent
    for step in steps:
        container = _lower(client, step, container, inputs)
    return container


def _lower(
    client: dagger.Client, step: Step, container: dagger.Container, inputs: Inputs
) -> dagger.Container:
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
        case Files(copies=copies):
            for copy in copies:
                folder, files = _copy(client, copy, inputs.context)
                container = container.with_directory(folder, files)
            return container
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


def _copy(client: dagger.Client, copy: Copy, context: dagger.Directory) -> tuple[str, dagger.Directory]:
    """Return the folder of the image that `copy` goes to, and its files with their final names and modes.

    They are collected first, so that each copy is one layer and does not change existing folders.
    """
    folder, name = split(copy.target)
    files = client.directory()
    for source in copy.sources:
        files = files.with_file(
            name or basename(source), context.file(source), permissions=int(copy.mode, 8), owner=ROOT
        )
    return folder, files
