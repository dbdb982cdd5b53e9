"""The JSON schemas of what a run leaves."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import jsonschema
import pytest

from ci.report.events import Checkout, DiskUsed, Event, Failure, Note, TaskEnded, event_line
from ci.report.outcome import Outcome
from ci.report.report import Report, report_of
from ci.report.schema import event_schema, report_schema
from tests.unit.report.runs import CHECKED_RUN, RUN, STARTED

CHECKOUT = Checkout(commit="a" * 40, code=".", patch=None, left_out="it is too large")
BUG = Failure(message="KeyError: 'x'", error="KeyError", exit_code=70, traceback="Traceback:\n  in work")
FULL: tuple[Event, ...] = (
    STARTED.model_copy(update={"checkout": CHECKOUT, "base": "bootstrap", "engine": "buildah"}),
    *CHECKED_RUN[1:],
    Note(text="a note", task="asr:cpu"),
    TaskEnded(task="wheelhouse:cpu", outcome=Outcome.failed, failure=BUG),
    DiskUsed(peak_bytes=1, lowest_free_bytes=2, paths=("/store",)),
)


def value_of(report: Report) -> dict[str, Any]:
    value = json.loads(report.as_json())
    assert isinstance(value, dict)
    return value


@pytest.mark.parametrize("schema", [report_schema, event_schema])
def test_every_key_says_what_it_is_for(schema: Callable[[], dict[str, Any]]) -> None:
    whole = schema()
    jsonschema.Draft202012Validator.check_schema(whole)
    tables = {name: table for name, table in whole["$defs"].items() if "properties" in table}
    for name, table in {**tables, **({"whole": whole} if "properties" in whole else {})}.items():
        assert table["description"], name
        for key, field in table["properties"].items():
            assert field.get("description") or "const" in field, f"{name}.{key}"


@pytest.mark.parametrize("events", [(), RUN, RUN[:7], CHECKED_RUN, FULL])
def test_a_report_and_the_events_that_it_is_made_of_fit(events: tuple[Event, ...]) -> None:
    jsonschema.validate(value_of(report_of(events)), report_schema())
    for event in events:
        jsonschema.validate(json.loads(event_line(event)), event_schema())


def test_what_an_older_or_a_later_dockwright_wrote_fits_too() -> None:
    value = value_of(report_of(FULL))
    for row in value["images"]:
        del row["checks"]
        row["later"] = 1
    for key in ("base", "engine", "checkout", "disk"):
        del value[key]
    value["later"] = 1
    jsonschema.validate(value, report_schema())
    jsonschema.validate({"kind": "note", "text": "a", "later": 1}, event_schema())


@pytest.mark.parametrize(
    "change",
    [
        {"schema": 1},
        {"schema": None},
        {"images": [{"task": "asr:cpu"}]},
        {"exit_code": "0"},
        {"checkout": {"commit": "main"}},
        {"failures": [{"task": "asr:cpu"}]},
    ],
)
def test_what_is_no_report_does_not_fit(change: dict[str, Any]) -> None:
    value = {key: part for key, part in {**value_of(report_of(FULL)), **change}.items() if part is not None}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(value, report_schema())


@pytest.mark.parametrize(
    "value",
    [
        {"text": "a"},
        {"kind": "notes", "text": "a"},
        {"kind": "note"},
        {"kind": "checked", "task": "a", "checks": [{"name": "x", "status": "ok"}]},
    ],
)
def test_what_is_no_event_does_not_fit(value: dict[str, Any]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(value, event_schema())
