"""The JSON schemas of the stack's TOML files, for editors."""

from __future__ import annotations

from typing import Any

from ci.catalog.document import ExternalBasesDocument, ImageDocument, StackDocument

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def image_schema() -> dict[str, Any]:
    """Return the schema of `image.toml`: every key with its type, form and meaning."""
    schema = ImageDocument.model_json_schema()
    # The model gives `parent` a default, so that its absence gets a message of its own.
    schema["required"] = [*schema["required"], "parent"]
    return {"$schema": DIALECT, **schema, "title": "image.toml of a dockwright stack"}


def stack_schema() -> dict[str, Any]:
    """Return the schema of `stack.toml`."""
    schema = StackDocument.model_json_schema()
    return {"$schema": DIALECT, **schema, "title": "stack.toml of a dockwright stack"}


def bases_schema() -> dict[str, Any]:
    """Return the schema of `bases.lock.toml`."""
    schema = ExternalBasesDocument.model_json_schema()
    return {"$schema": DIALECT, **schema, "title": "bases.lock.toml of a dockwright stack"}
