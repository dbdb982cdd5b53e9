"""The JSON schemas of the files of a run: `report.json`, and an event of its log. Pure."""

from __future__ import annotations

from typing import Any

from ci.catalog.schema import DIALECT
from ci.report.events import EVENT
from ci.report.report import Report


def report_schema() -> dict[str, Any]:
    """Return the schema of `report.json`."""
    return _opened(Report.model_json_schema(), title="report.json of a run of dockwright")


def event_schema() -> dict[str, Any]:
    """Return the schema of one line of `events.jsonl`."""
    return _opened(EVENT.json_schema(), title="An event of a run of dockwright")


def _opened(schema: dict[str, Any], *, title: str) -> dict[str, Any]:
    """Return a schema for readers of the files.

    It allows unknown keys, which a later version may add. A key with one possible value (`kind`, `schema`)
    identifies the kind of value, so it is required.
    """
    for table in (schema, *schema["$defs"].values()):
        table.pop("additionalProperties", None)
        constant = [key for key, field in table.get("properties", {}).items() if "const" in field]
        required = [*constant, *(key for key in table.get("required", ()) if key not in constant)]
        if required:
            table["required"] = required
    return {"$schema": DIALECT, **schema, "title": title}
