"""The ladder of an image: which rungs it has, which depend on which, which are done again. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from itertools import chain

from ci.catalog.stack import ImageVariant
from ci.report.check import Check, Rung, Status

NEEDS: dict[Rung, tuple[Rung, ...]] = {
    Rung.structure: (),
    Rung.size: (),
    Rung.contents: (),
    Rung.closure: (),
    Rung.imports: (),
    Rung.programs: (Rung.closure, Rung.imports),
    Rung.cuda: (Rung.closure,),
    Rung.gpu: (Rung.closure, Rung.imports, Rung.cuda),
}
"""The rungs that each rung depends on. It is not tried if a check of one of them failed."""

ALWAYS = frozenset({Rung.structure, Rung.size})
"""Rungs that are never taken from the ledger: those about security, and those that cost nothing."""

PROBE_CHECK = "probe"
"""The check that fails if the probe, which does the other checks, could not be started or died."""

CUDA = "cuda"
"""The variant whose images have the two highest rungs."""


def rungs_of(image: ImageVariant) -> tuple[Rung, ...]:
    """Return the rungs of an image, the lowest first."""
    return tuple(rung for rung in Rung if image.variant == CUDA or rung not in (Rung.cuda, Rung.gpu))


def needs_gpu(image: ImageVariant) -> bool:
    """Return whether an image has the GPU rung."""
    return Rung.gpu in rungs_of(image)


def to_do(rungs: Iterable[Rung], recorded: Collection[Rung]) -> tuple[Rung, ...]:
    """Return which of `rungs` have to be done if the ledger has those `recorded`.

    Shared libraries are checked together with what the imports loaded, so both rungs are done or neither.
    """
    together = {Rung.closure, Rung.imports}
    skipped = set(recorded) - ALWAYS
    if together - skipped:
        skipped -= together
    return tuple(rung for rung in rungs if rung not in skipped)


def blocking_check(rung: Rung, checks: Iterable[Check]) -> str:
    """Return the name of a failed check that `rung` depends on, empty if there is none.

    A check that blocked one of these blocks `rung` too.
    """
    below = [one for one in checks if one.rung in NEEDS[rung] or one.name == PROBE_CHECK]
    failed = (one.name for one in below if one.status is Status.failed)
    blockers = (one.blocked_by for one in below if one.status is Status.blocked)
    return next(chain(failed, blockers), "")


def passed(checks: Iterable[Check]) -> dict[Rung, tuple[Check, ...]]:
    """Return the checks of each rung that passed: none failed or was blocked, and at least one passed."""
    by_rung: dict[Rung, list[Check]] = {}
    for check in checks:
        by_rung.setdefault(check.rung, []).append(check)
    return {
        rung: tuple(found)
        for rung, found in by_rung.items()
        if {one.status for one in found} <= {Status.passed, Status.skipped}
        and any(one.status is Status.passed for one in found)
    }


def failed_rungs(checks: Iterable[Check]) -> set[Rung]:
    """Return the rungs with a failed check."""
    return {one.rung for one in checks if one.status is Status.failed}


def all_passed(checks: Iterable[Check]) -> bool:
    """Whether no check failed or was blocked, and at least one passed."""
    found = {one.status for one in checks}
    return Status.passed in found and found <= {Status.passed, Status.skipped}


def in_order(checks: Iterable[Check]) -> tuple[Check, ...]:
    """Return the checks by rung, the lowest first; within a rung in the given order."""
    order = {rung: index for index, rung in enumerate(Rung)}
    return tuple(sorted(checks, key=lambda check: order[check.rung]))


def from_ledger(recorded: Mapping[Rung, tuple[Check, ...]], done: Collection[Rung]) -> tuple[Check, ...]:
    """Return the recorded checks of rungs that are not `done`, each marked as recorded."""
    return tuple(
        check.model_copy(update={"recorded": True})
        for rung, checks in recorded.items()
        if rung not in done
        for check in checks
    )
