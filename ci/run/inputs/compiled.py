"""Which wheels a run has to compile, and which were compiled before, here or elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Collection

from ci.run.workspace.workspace import Workspace
from ci.wheelhouse.input_document import wheelhouse_input
from ci.wheelhouse.manifest import known_files
from ci.wheelhouse.program.compiled import Compiled
from ci.wheelhouse.program.content_store import ContentStore, open_content_store


def content_store_of(workspace: Workspace) -> ContentStore:
    """Return the content store of this machine's state."""
    return open_content_store(workspace.state.inputs, known_files(workspace.state.hashes()))


def compiled_of(workspace: Workspace) -> Compiled:
    """Return the wheels that were compiled here, or fetched from a registry."""
    return Compiled(workspace.state.inputs / "compiled", content_store_of(workspace))


def build_keys(workspace: Workspace, needed: Collection[str] | None) -> tuple[str, ...]:
    """Return the wheel-build keys of the sdists that the images `needed` install; None: all images."""
    stack, base = workspace.stack, workspace.base.kind
    keys: set[str] = set()
    for variant in stack.variants:
        keys.update(wheelhouse_input(stack, variant, base, needed)["builds"].values())
    return tuple(sorted(keys))


def to_compile(
    workspace: Workspace, needed: Collection[str] | None, on_chunk: Callable[[], None] = lambda: None
) -> bool:
    """Whether one of these wheels is not available; `on_chunk` is as in `ContentStore.has`."""
    keys = build_keys(workspace, needed)
    compiled = compiled_of(workspace) if keys else None
    return compiled is not None and any(compiled.find(key, on_chunk) is None for key in keys)
