"""Which wheels of a run have to be compiled, and which were, here or elsewhere."""

from __future__ import annotations

from collections.abc import Collection

from ci.run.workspace.workspace import Workspace
from ci.wheelhouse.input_document import wheelhouse_input
from ci.wheelhouse.manifest import known_files
from ci.wheelhouse.program.compiled import Compiled
from ci.wheelhouse.program.content_store import ContentStore


def content_store_of(workspace: Workspace) -> ContentStore:
    """Return the files that are kept here by hash."""
    houses = workspace.state.houses
    for folder in (houses / "kept", houses / "parts"):
        folder.mkdir(parents=True, exist_ok=True)
    known = known_files(workspace.state.seen())
    return ContentStore(folder=houses / "kept", parts=houses / "parts", known=known)


def compiled_of(workspace: Workspace) -> Compiled:
    """Return what was compiled here, or brought here."""
    return Compiled(workspace.state.houses / "compiled", content_store_of(workspace))


def build_keys(workspace: Workspace, needed: Collection[str] | None) -> tuple[str, ...]:
    """Return the wheel-build keys of the sdists that the images `needed` install; None: all images."""
    stack, base = workspace.stack, workspace.base.kind
    keys: set[str] = set()
    for variant in stack.variants:
        keys.update(wheelhouse_input(stack, variant, base, needed)["builds"].values())
    return tuple(sorted(keys))


def to_compile(workspace: Workspace, needed: Collection[str] | None) -> bool:
    """Whether one of these wheels is not here."""
    keys = build_keys(workspace, needed)
    compiled = compiled_of(workspace) if keys else None
    return compiled is not None and any(compiled.find(key) is None for key in keys)
