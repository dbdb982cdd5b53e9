"""An entry of the ledger: the rungs that an image passed, with a suite, on a class of machine. Pure.

For the same image, suite and machine they are not repeated. An entry that differs in one of the three, or
can't be read, is ignored.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal

from pydantic import Field, ValidationError

from ci.bounded.parse import parse_json
from ci.report.check import Check, Rung, Status
from ci.report.value import Value
from ci.smoke.ladder import passed

SUITE_DIGITS = 12
LIMIT_BYTES = 2**20
"""The largest entry that is read. A typical one has about 40 checks of 100 bytes."""


class Subject(Value):
    """What an entry is about.

    `image` is the digest of the image's config, which contains the digests of its layers. `suite` is made by
    ci/smoke/probe_request.py, `machine` by ci/engines/machine.py.
    """

    image: str = Field(pattern="^sha256:[0-9a-f]{64}$")
    suite: str = Field(pattern="^[0-9a-f]{64}$")
    machine: str = Field(pattern="^[a-z0-9-]+$")

    @property
    def name(self) -> str:
        """A name that is unique among the entries of its image: `SUITE-MACHINE`, for a file or in a tag."""
        return f"{self.suite[:SUITE_DIGITS]}-{self.machine}"


class Entry(Value):
    """The rungs that passed, each with its checks.

    `complete` says that no check of the image failed or was blocked when they were last run, the GPU's not
    counted: rungs that are never recorded, or have no check, are known by it alone.
    """

    entry_schema: Literal[3] = 3
    subject: Subject
    rungs: dict[Rung, tuple[Check, ...]]
    complete: bool = False

    def added(self, rungs: dict[Rung, tuple[Check, ...]], *, complete: bool = False) -> Entry:
        """Return this entry with more rungs, and whether it is complete now."""
        return self.model_copy(update={"rungs": {**self.rungs, **rungs}, "complete": complete})

    def without(self, rungs: Collection[Rung]) -> Entry:
        """Return this entry without some rungs."""
        return self.model_copy(
            update={"rungs": {one: self.rungs[one] for one in self.rungs if one not in rungs}}
        )


def entry_text(entry: Entry) -> str:
    """Return an entry as it is written to a file or a registry."""
    return entry.model_dump_json() + "\n"


def read_entry(text: str | bytes, subject: Subject) -> Entry:
    """Return the entry of `subject` in `text`.

    Raises:
        ValueError: it is about another subject, has a rung that did not pass, or is not an entry.
    """
    if len(text) > LIMIT_BYTES:
        raise ValueError(f"has {len(text)} bytes; the limit is {LIMIT_BYTES}")
    try:
        entry = Entry.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the whole"
        raise ValueError(f"is not an entry: {where}: {first['msg']}") from None
    parse_json(text)  # for its bounds: the model has none for integers
    if entry.subject != subject:
        other = next(
            name
            for name in ("image", "suite", "machine")
            if getattr(entry.subject, name) != getattr(subject, name)
        )
        raise ValueError(f"is about another {other}")
    for rung, checks in entry.rungs.items():
        if rung not in passed(checks) or {check.rung for check in checks} != {rung}:
            failed = next((check.name for check in checks if check.status is Status.failed), "its checks")
            raise ValueError(f"its rung {rung} did not pass: {failed}")
    return entry
