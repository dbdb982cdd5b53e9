"""The JSON schema of `image.toml`, for editors."""

from __future__ import annotations

from typing import Any

from ci.catalog.document import ImageDocument

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def image_schema() -> dict[str, Any]:
    """Return the schema of `image.toml`: every key with its type, form and meaning."""
    schema = ImageDocument.model_json_schema()
    schema["required"] = [
        *schema["required"],
        "parent",
    ]  # has a default so that its absence gets its own message
    return {"$schema": DIALECT, **schema, "title": "image.toml of a dockwright stack"}
