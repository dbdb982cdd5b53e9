"""An entry of the ledger: the rungs that an image passed, with this suite, on this class of machine. Pure.

The same three are not done again. An entry that is of anything else, or can't be read, counts as none.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal

from pydantic import Field, ValidationError

from ci.report.check import Check, Rung, Status
from ci.report.value import Value
from ci.smoke.ladder import passed

SUITE_DIGITS = 12
LIMIT_BYTES = 2**20
"""Most that an entry may be; one has about 40 checks of 100 bytes."""


class Subject(Value):
    """What an entry is of.

    `image` is the digest of the image's config, which holds those of its layers: its content. `suite` is what
    ci/smoke/suite.py gives, `machine` what ci/engines/machine.py gives.
    """

    image: str = Field(pattern="^sha256:[0-9a-f]{64}$")
    suite: str = Field(pattern="^[0-9a-f]{64}$")
    machine: str = Field(pattern="^[a-z0-9-]+$")

    @property
    def name(self) -> str:
        """How an entry is told from others of its image: `SUITE-MACHINE`, for a file or the end of a tag."""
        return f"{self.suite[:SUITE_DIGITS]}-{self.machine}"


class Entry(Value):
    """The rungs that passed, each with its checks as they were seen."""

    entry_schema: Literal[1] = 1
    subject: Subject
    rungs: dict[Rung, tuple[Check, ...]]

    def added(self, rungs: dict[Rung, tuple[Check, ...]]) -> Entry:
        """Return this entry with more rungs."""
        return self.model_copy(update={"rungs": {**self.rungs, **rungs}})

    def without(self, rungs: Collection[Rung]) -> Entry:
        """Return this entry without some rungs."""
        return self.model_copy(
            update={"rungs": {one: self.rungs[one] for one in self.rungs if one not in rungs}}
        )


def entry_text(entry: Entry) -> str:
    """Return an entry as it is kept."""
    return entry.model_dump_json() + "\n"


def read_entry(text: str | bytes, subject: Subject) -> Entry:
    """Return the entry of `subject` in `text`.

    Raises:
        ValueError: it is of something else, says that something passed which did not, or is no entry.
    """
    if len(text) > LIMIT_BYTES:
        raise ValueError(f"has {len(text)} bytes, and {LIMIT_BYTES} are the most")
    try:
        entry = Entry.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ValueError(f"is no entry: {where}: {first['msg']}") from None
    if entry.subject != subject:
        other = next(
            name
            for name in ("image", "suite", "machine")
            if getattr(entry.subject, name) != getattr(subject, name)
        )
        raise ValueError(f"is of another {other}")
    for rung, checks in entry.rungs.items():
        if rung not in passed(checks) or {check.rung for check in checks} != {rung}:
            wrong = next((check.name for check in checks if check.status is Status.failed), "its checks")
            raise ValueError(f"its rung {rung} did not pass: {wrong}")
    return entry
