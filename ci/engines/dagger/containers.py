"""Containers of a Dagger session: the image that one is, and what is added to one."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio

from ci.engines.dagger.health import ROOT_USER
from ci.engines.dagger.sdk import pairs_of
from ci.engines.engine import File, Folder, ImageInfo
from ci.names.reference import parse_reference

if TYPE_CHECKING:
    import dagger

MEASURE = ("du", "-sxb", "/")
"""Prints the bytes of all files of the root file system; mounts are left out."""


async def image_info(container: dagger.Container) -> ImageInfo:
    """Return the config of an image; Dagger reports no layers, so all bytes are one without a digest."""
    config: dict[str, Any] = {}
    sizes: list[int] = []

    async def variables() -> None:
        pairs = await pairs_of(await container.env_variables())
        config["Env"] = [f"{name}={value}" for name, value in pairs]

    async def labels() -> None:
        config["Labels"] = dict(await pairs_of(await container.labels()))

    async def process() -> None:
        config["User"] = await container.user()
        config["WorkingDir"] = await container.workdir()
        config["Entrypoint"] = await container.entrypoint()
        config["Cmd"] = await container.default_args()

    async def measure() -> None:
        text = await container.with_user(ROOT_USER).with_exec(list(MEASURE)).stdout()
        sizes.append(int(text.split()[0]))

    async with anyio.create_task_group() as group:
        for ask in (variables, labels, process, measure):
            group.start_soon(ask)
    return ImageInfo(id="", config={"config": config}, layers=(("", sizes[0]),), has_layer_sizes=False)


def mounted(
    container: dagger.Container,
    what: Folder | File,
    path: str,
    folder: Callable[[Path], dagger.Directory],
) -> dagger.Container:
    """Return `container` with a folder or file at `path`, read-only; `folder` returns one of this machine."""
    import dagger

    if isinstance(what, Path):
        what = folder(what) if what.is_dir() else folder(what.parent).file(what.name)
    if isinstance(what, dagger.File):
        return container.with_mounted_file(path, what)
    return container.with_mounted_directory(path, what, read_only=True)


def authorised(
    client: dagger.Client, container: dagger.Container, reference: str, authfile: str
) -> dagger.Container:
    """Return `container` with the credentials that `authfile` has for the registry of `reference`."""
    if not authfile:
        return container
    host = parse_reference(reference).host
    auths: dict[str, dict[str, str]] = json.loads(Path(authfile).read_text())["auths"]
    user, _, password = base64.b64decode(auths[host]["auth"]).decode().partition(":")
    secret = client.set_secret(f"registry-{host}", password)
    return container.with_registry_auth(host, user, secret)
