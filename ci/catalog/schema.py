"""The JSON schema of `image.toml`, for editors."""

from __future__ import annotations

from typing import Any

from ci.catalog.document import ImageDocument

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def image_schema() -> dict[str, Any]:
    """Return the schema of `image.toml`: every key with its type, form and meaning."""
    schema = ImageDocument.model_json_schema()
    # The model gives `parent` a default, so that its absence gets a message of its own.
    schema["required"] = [*schema["required"], "parent"]
    return {"$schema": DIALECT, **schema, "title": "image.toml of a dockwright stack"}
