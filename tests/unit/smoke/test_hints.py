"""A failed check that a key of image.toml can change says so at its end; no other check does."""

from __future__ import annotations

import re

import pytest

from ci.catalog.document import SmokeTable
from ci.report.check import Check, Rung, Status
from ci.smoke.hints import HINTS, IMPORT_HINT, MODULE_HINT, with_hints
from tests.stacks import image

ASR = image("asr", "outside:python")


def detail(name: str, status: Status = Status.failed) -> str:
    check = Check(name=name, rung=Rung.programs, status=status, detail="ended with 2\nusage: x")
    (found,) = with_hints(ASR, [check])
    assert found == check.model_copy(update={"detail": found.detail})
    return found.detail


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("--help", "help = false"),
        ("start", "start = false"),
        ("shared libraries", "unresolved"),
        ("import numpy", "imports"),
        ("entrypoint api", "import_entrypoint = false"),
    ],
)
def test_a_failed_check_names_the_key_and_the_file_that_help(name: str, key: str) -> None:
    *lines, hint = detail(name).splitlines()
    assert lines == ["ended with 2", "usage: x"]
    assert hint.startswith("hint: ")
    assert hint.endswith(f": `{key}` under [smoke] in {ASR.folder}/image.toml")


@pytest.mark.parametrize("name", ["user", "run ffmpeg -version", "entrypoint /opt/app/asr.py", "importer"])
def test_a_check_that_no_key_changes_has_no_hint(name: str) -> None:
    assert detail(name) == "ended with 2\nusage: x"


@pytest.mark.parametrize("status", [Status.passed, Status.skipped, Status.blocked])
def test_a_check_that_has_not_failed_has_no_hint(status: Status) -> None:
    assert detail("--help", status) == "ended with 2\nusage: x"


@pytest.mark.parametrize("hint", [*HINTS.values(), IMPORT_HINT, MODULE_HINT])
def test_a_hint_names_a_key_that_the_catalog_knows(hint: str) -> None:
    (key,) = re.findall(r"`(\w+)(?: = false)?` under \[smoke\]$", hint)
    assert key in SmokeTable.model_fields
