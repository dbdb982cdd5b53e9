"""The ladder of an image: which rungs it has, which stand on which, which are done again. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from itertools import chain

from ci.catalog.stack import ImageVariant
from ci.report.check import Check, Rung, Status

NEEDS: dict[Rung, tuple[Rung, ...]] = {
    Rung.structure: (),
    Rung.size: (),
    Rung.closure: (),
    Rung.imports: (),
    Rung.programs: (Rung.closure, Rung.imports),
    Rung.cuda: (Rung.closure,),
    Rung.gpu: (Rung.closure, Rung.imports, Rung.cuda),
}
"""What each rung stands on: where a check of that failed, it is not tried."""

ALWAYS = frozenset({Rung.structure, Rung.size})
"""Rungs that are never taken from the ledger: what concerns security, and what costs nothing."""

WHOLE = "probe"
"""The check that fails where the program that does the others could not be started, or ended by itself."""

CUDA = "cuda"
"""The variant whose images have the two upper rungs."""


def rungs_of(image: ImageVariant) -> tuple[Rung, ...]:
    """Return the rungs of an image, the lowest first."""
    return tuple(rung for rung in Rung if image.variant == CUDA or rung not in (Rung.cuda, Rung.gpu))


def needs_gpu(image: ImageVariant) -> bool:
    """Return whether an image has the rung of a GPU."""
    return Rung.gpu in rungs_of(image)


def to_do(rungs: Iterable[Rung], recorded: Collection[Rung]) -> tuple[Rung, ...]:
    """Return which of `rungs` are done, when the ledger has those `recorded`.

    Shared objects are looked at together with what the imports loaded, so both are done or none.
    """
    again = {Rung.closure, Rung.imports}
    held = set(recorded) - ALWAYS
    if again - held:
        held -= again
    return tuple(rung for rung in rungs if rung not in held)


def blocking_check(rung: Rung, checks: Iterable[Check]) -> str:
    """Return the name of a failed check that `rung` stands on, empty where there is none.

    That is also what a check below it was blocked by.
    """
    below = [one for one in checks if one.rung in NEEDS[rung] or one.name == WHOLE]
    failed = (one.name for one in below if one.status is Status.failed)
    blockers = (one.detail.removeprefix("by ").strip("'") for one in below if one.status is Status.blocked)
    return next(chain(failed, blockers), "")


def passed(checks: Iterable[Check]) -> dict[Rung, tuple[Check, ...]]:
    """Return the checks of each rung that passed: nothing of it failed or was blocked, something was seen."""
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
    """Return the rungs of which a check failed."""
    return {one.rung for one in checks if one.status is Status.failed}


def in_order(checks: Iterable[Check]) -> tuple[Check, ...]:
    """Return checks by rung, the lowest first; within a rung as they came."""
    order = {rung: place for place, rung in enumerate(Rung)}
    return tuple(sorted(checks, key=lambda check: order[check.rung]))


def from_ledger(recorded: Mapping[Rung, tuple[Check, ...]], done: Collection[Rung]) -> tuple[Check, ...]:
    """Return the recorded checks of rungs that are not `done`, each said to be recorded."""
    return tuple(
        check.model_copy(update={"recorded": True})
        for rung, checks in recorded.items()
        if rung not in done
        for check in checks
    )
