"""What a check is: one data type for every rung of the ladder."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from ci.report.value import Value


class Status(StrEnum):
    """How a check ended; these four words mean the same everywhere."""

    passed = "passed"
    failed = "failed"
    skipped = "skipped"
    blocked = "blocked"


class Rung(StrEnum):
    """The rungs of the ladder, the lowest first: what stands on a rung that failed is blocked by it."""

    structure = "structure"
    """What every image is: user, init, environment, labels, no compiler, no cache, nothing secret."""
    size = "size"
    """Its budgets, and no layer too large."""
    closure = "closure"
    """Every shared object finds what it needs."""
    imports = "imports"
    """Every requested distribution can be imported."""
    programs = "programs"
    """Its entrypoint answers, and what it declares to run does run."""
    cuda = "cuda"
    """The CUDA libraries that its programs open by name load, without a GPU."""
    gpu = "gpu"
    """It computes on a GPU."""


class Check(Value):
    """One check of one image."""

    name: str = Field(description="What was checked.")
    status: Status = Field(description="How it ended.")
    rung: Rung = Field(Rung.structure, description="Where it stands on the ladder.")
    detail: str = Field(
        "", description="What was seen; for `skipped` why it was, for `blocked` by what it was."
    )
    seconds: float = Field(0.0, description="How long it took; 0 where nothing ran.")
    recorded: bool = Field(
        False, description="Whether it passed earlier, as the ledger has it, and was not repeated."
    )
    figures: dict[str, int | float | str] = Field(
        default_factory=dict, description="Numbers and words that it measured, by name."
    )


def verdict(name: str, wrong: str, rung: Rung = Rung.structure) -> Check:
    """Return the check `name`: failed with what is `wrong`, passed when nothing is."""
    return Check(name=name, status=Status.failed if wrong else Status.passed, detail=wrong, rung=rung)
