"""The key documents of given keys, from wherever they can be had: the state, a checkout, a registry."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection
from pathlib import Path

from ci.catalog.load import load_stack
from ci.errors import DockwrightError, RegistryError
from ci.plan.keys import Document, digest, documents, tag
from ci.registry.cache import RegistryCache, Wanted
from ci.registry.credentials import Purpose
from ci.registry.namespace import parse_place
from ci.run.reuse.remote_cache import opened_client
from ci.run.workspace.state import State

Named = tuple[str, str]
"""An image (`image:variant`) and a key."""


def kept_documents(state: State, wanted: Collection[Named]) -> dict[Named, Document]:
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


async def registry_documents(
    registry: str, wanted: Collection[Named], say: Callable[[str], None], *purposes: Purpose
) -> dict[Named, Document]:
    """Return those that a registry has; credentials of the environment go there for `purposes` alone.

    Raises:
        UsageError: `registry` is not written as one.
        RegistryError: it does not answer, or does not give them.
    """
    found: dict[Named, Document] = {}
    async with opened_client(parse_place(registry), os.environ, say, *purposes) as client:
        cache = RegistryCache(client=client)
        for id_, key in wanted:
            document = await cache.document(Wanted(id_, id_.partition(":")[0], tag(key), key))
            if document is None:
                continue
            if digest(document) != key:
                raise RegistryError("corrupt", f"{registry}: the key document of {id_} is of another key")
            found[id_, key] = document
    return found
