"""The JSON schemas of what a run leaves for other programs: `report.json`, and an event of its log."""

from __future__ import annotations

from typing import Any

from ci.catalog.schema import DIALECT
from ci.report.events import EVENT
from ci.report.report import Report


def report_schema() -> dict[str, Any]:
    """Return the schema of `report.json`; a report of an older dockwright fits it too."""
    return _opened(Report.model_json_schema(), title="report.json of a run of dockwright")


def event_schema() -> dict[str, Any]:
    """Return the schema of one line of `events.jsonl`; a line of an older dockwright fits it too."""
    return _opened(EVENT.json_schema(), title="An event of a run of dockwright")


def _opened(schema: dict[str, Any], *, title: str) -> dict[str, Any]:
    """Return a schema as its readers need it.

    It allows keys that it does not know, which a later version may add. A key that has one value only
    (`kind`, `schema`) says what the whole is, so it has to be there.
    """
    for table in (schema, *schema["$defs"].values()):
        table.pop("additionalProperties", None)
        told = [key for key, field in table.get("properties", {}).items() if "const" in field]
        required = [*told, *(key for key in table.get("required", ()) if key not in told)]
        if required:
            table["required"] = required
    return {"$schema": DIALECT, **schema, "title": title}
