from __future__ import annotations

import json
from typing import Any

import pytest

from ci.report.check import Check, Rung, Status
from ci.smoke.ledger_entry import LIMIT_BYTES, Entry, Subject, entry_text, read_entry
from ci.smoke.probe_request import suite_digest

SUBJECT = Subject(image=f"sha256:{'a' * 64}", suite="b" * 64, machine="x86-64-v3")
SEEN = Check(name="import numpy", rung=Rung.imports, status=Status.passed, seconds=0.5)
ENTRY = Entry(subject=SUBJECT, rungs={Rung.imports: (SEEN,)})


def test_an_entry_is_read_as_it_was_written() -> None:
    assert read_entry(entry_text(ENTRY), SUBJECT) == ENTRY


def test_more_rungs_stand_beside_those_that_were_there() -> None:
    more = Check(name="--help", rung=Rung.programs, status=Status.passed)
    assert ENTRY.added({Rung.programs: (more,)}).rungs == {Rung.imports: (SEEN,), Rung.programs: (more,)}


def test_a_name_fits_into_a_tag() -> None:
    assert SUBJECT.name == "bbbbbbbbbbbb-x86-64-v3"


def changed(**values: Any) -> str:
    return json.dumps({**json.loads(entry_text(ENTRY)), **values})


FAILED = {**json.loads(SEEN.model_dump_json()), "status": "failed"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is not an entry: "),
        ("[1]", "is not an entry: "),
        (entry_text(ENTRY)[:-20], "is not an entry: "),
        (changed(entry_schema=1), "is not an entry: entry_schema: "),
        (changed(rungs={"cellar": []}), "is not an entry: rungs.cellar"),
        (
            changed(subject={**json.loads(SUBJECT.model_dump_json()), "suite": "c" * 64}),
            "is about another suite",
        ),
        (changed(rungs={"imports": [FAILED]}), "its rung imports did not pass: import numpy"),
        (changed(rungs={"imports": []}), "its rung imports did not pass: its checks"),
        (changed(rungs={"closure": [json.loads(SEEN.model_dump_json())]}), "its rung closure did not pass"),
        (" " * (LIMIT_BYTES + 1), f"has {LIMIT_BYTES + 1} bytes"),
    ],
)
def test_what_is_no_entry_of_this_subject_is_refused_with_its_reason(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        read_entry(text, SUBJECT)


@pytest.mark.parametrize("change", ["request", "program", "sandbox"])
def test_the_suite_is_another_where_what_is_asked_or_who_asks_or_how_is_another(change: str) -> None:
    values: dict[str, Any] = {"request": {"user": "app"}, "program": {"probe.py": "1"}, "sandbox": "all"}
    other = {**values, change: {"x": 1} if change != "sandbox" else "less"}
    assert suite_digest(**values) == suite_digest(**values)
    assert suite_digest(**values) != suite_digest(**other)
