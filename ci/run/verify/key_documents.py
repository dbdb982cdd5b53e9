"""The key documents of one side of a comparison: this checkout, the store, a registry, or a git revision."""

from __future__ import annotations

import io
import os
import tarfile
import tempfile
from collections.abc import Callable, Collection, Iterable
from pathlib import Path

import anyio

from ci.catalog.load import load_stack
from ci.catalog.stack import Stack
from ci.errors import DockwrightError, RegistryError, UsageError
from ci.names.image_id import parse_image_id
from ci.plan.keys import Document, digest, documents, tag
from ci.registry.cache import RegistryCache, Wanted
from ci.registry.credentials import Purpose
from ci.registry.namespace import RegistryNamespace
from ci.run.git.git import GitResult
from ci.run.git.git_directory import opened
from ci.run.release.release import open_releases
from ci.run.reuse.remote_cache import open_client
from ci.run.workspace.state import State
from ci.run.workspace.workspace import Workspace

CHECKOUT, STORE, REGISTRY = "checkout", "store", "registry"
Named = tuple[str, str]
"""An image (`image:variant`) and a key."""
ARCHIVE_LIMIT_S = 300.0
"""Most seconds that git may take to write a stack as a tar."""


async def documents_of(
    side: str, workspace: Workspace, wanted: Collection[str], say: Callable[[str], None]
) -> dict[str, Document]:
    """Return the key documents that `side` has of the images `wanted`, by `image:variant`.

    `side` is `checkout`, `store` (what was built last here), `registry` (the current release) or a revision.

    Raises:
        UsageError: there is no such revision, or no registry is set.
        RegistryError: the registry does not answer.
    """
    if side == CHECKOUT:
        return documents(workspace.stack, workspace.base.kind)
    if side == STORE:
        built = (await workspace.store()).built(workspace.stack.namespace)
        found = {id_: workspace.state.stored(id_, built[id_]) for id_ in wanted if id_ in built}
        return {id_: document for id_, document in found.items() if document is not None}
    if side == REGISTRY:
        return await _released(workspace, wanted, say)
    stack = await anyio.to_thread.run_sync(stack_at, workspace.directory, side)
    return documents(stack, workspace.base.kind)


async def _released(
    workspace: Workspace, wanted: Collection[str], say: Callable[[str], None]
) -> dict[str, Document]:
    namespace = workspace.required_registry
    async with open_releases(namespace, say, "REGISTRY") as releases:
        cache = RegistryCache(client=releases.client)
        try:
            keys = await releases.keys()
        except RegistryError as error:
            if error.answer != "absent":
                raise
            raise RegistryError("absent", f"{namespace}: there is no release yet") from error
        found = await _of_registry(cache, [(id_, keys[id_]) for id_ in wanted if id_ in keys])
    return {id_: document for (id_, _), document in found.items()}


def stack_at(directory: Path, revision: str) -> Stack:
    """Return the stack of `directory` as it was at a git revision.

    Raises:
        UsageError: there is no such revision of it.
        CatalogError: it has mistakes.
    """
    words = ("archive", "--format=tar", "--end-of-options", revision)
    with opened(directory) as git:
        if git is None:
            archive = GitResult(error=f"{directory} is in no git repository")
        else:  # what is archived is the directory that git runs in
            archive = git.run(*words, cwd=directory, limit_s=ARCHIVE_LIMIT_S)
    if archive.error:
        raise UsageError(
            f"{revision}: {archive.error}",
            hint=f"Known: {CHECKOUT}, {STORE}, {REGISTRY} and revisions of {directory}",
        )
    with tempfile.TemporaryDirectory(prefix="dockwright-revision-") as folder:
        try:
            with tarfile.open(fileobj=io.BytesIO(archive.output)) as tar:
                tar.extractall(folder, filter="data")
        except tarfile.TarError as error:
            raise UsageError(f"{revision}: {error}") from error
        return load_stack(Path(folder))


def stored_documents(state: State, wanted: Collection[Named]) -> dict[Named, Document]:
    """Return what the state directory has of the images that were built here."""
    found = {(id_, key): state.stored(id_, tag(key)) for id_, key in wanted}
    return {one: document for one, document in found.items() if document and digest(document) == one[1]}


def stack_documents(stack: Path, base: str, wanted: Collection[Named]) -> dict[Named, Document]:
    """Return those that the stack in a directory gives; none where it has mistakes."""
    try:
        found = documents(load_stack(stack), base)
    except DockwrightError:
        return {}
    return {(id_, digest(one)): one for id_, one in found.items() if (id_, digest(one)) in wanted}


async def _of_registry(cache: RegistryCache, wanted: Iterable[Named]) -> dict[Named, Document]:
    """Return the key documents that a registry has.

    Raises:
        RegistryError: one can't be read, or is the document of another key.
    """
    found: dict[Named, Document] = {}
    for id_, key in wanted:
        document = await cache.document(Wanted(id_, parse_image_id(id_).image, tag(key), key))
        if document is None:
            continue
        if digest(document) != key:
            raise RegistryError(
                "corrupt", f"{cache.client.namespace}: the key document of {id_} is of another key"
            )
        found[id_, key] = document
    return found


async def registry_documents(
    registry: RegistryNamespace, wanted: Collection[Named], say: Callable[[str], None], *purposes: Purpose
) -> dict[Named, Document]:
    """Return those that a registry has; credentials of the environment go there for `purposes` alone.

    Raises:
        RegistryError: it does not answer, or does not give them.
    """
    async with open_client(registry, os.environ, say, *purposes) as client:
        return await _of_registry(RegistryCache(client=client), wanted)
