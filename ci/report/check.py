"""What a check is: one data type for every rung of the ladder. Pure."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from ci.report.value import Value


class Status(StrEnum):
    """How a check ended. These four words mean the same everywhere."""

    passed = "passed"
    failed = "failed"
    skipped = "skipped"
    blocked = "blocked"


class Rung(StrEnum):
    """The rungs of the ladder, the lowest first. A check is blocked if a rung that it needs has failed."""

    structure = "structure"
    """Rules for every image: user, init, environment, labels, no compiler, no cache, no secret."""
    size = "size"
    """The size budget is kept, and no layer is too large."""
    contents = "contents"
    """Every file is that of a step, with its content; accounts are consistent; no key and no id is made."""
    closure = "closure"
    """Every shared library finds the libraries that it needs."""
    imports = "imports"
    """Every requested distribution can be imported."""
    programs = "programs"
    """`--help` works, and the commands and runs that the image declares succeed."""
    cuda = "cuda"
    """The CUDA libraries that programs open by name can be loaded, without a GPU."""
    gpu = "gpu"
    """The image computes on a GPU."""


class Check(Value):
    """One check of one image."""

    name: str = Field(description="What was checked.")
    status: Status = Field(description="How it ended.")
    rung: Rung = Field(Rung.structure, description="Its rung of the ladder.")
    detail: str = Field("", description="What was found; for `skipped`, the reason.")
    blocked_by: str = Field(
        "", description="For `blocked`: the name of the failed check that this one depends on."
    )
    seconds: float = Field(0.0, description="How long it took; 0 if nothing ran.")
    recorded: bool = Field(
        False, description="True if the ledger records that it passed earlier, so it was not repeated."
    )
    metrics: dict[str, int | float | str] = Field(
        default_factory=dict, description="Measured numbers and texts, by name."
    )

    @property
    def reason(self) -> str:
        """Why it was blocked, or else `detail`."""
        return f"by {self.blocked_by!r}" if self.blocked_by else self.detail


def verdict(name: str, error: str, rung: Rung = Rung.structure) -> Check:
    """Return the check `name`: failed with `error` as its detail, passed if `error` is empty."""
    return Check(name=name, status=Status.failed if error else Status.passed, detail=error, rung=rung)
