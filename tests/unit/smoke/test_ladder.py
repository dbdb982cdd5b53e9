from __future__ import annotations

from ci.report.check import Check, Rung, Status
from ci.smoke.ladder import PROBE_CHECK, blocking_check, from_ledger, in_order, passed, rungs_of, to_do
from tests.stacks import image

BELOW = (Rung.structure, Rung.size, Rung.contents, Rung.closure, Rung.imports, Rung.programs, Rung.cuda)


def check(rung: Rung, status: Status = Status.passed, name: str = "") -> Check:
    return Check(name=name or str(rung), rung=rung, status=status)


def test_a_cuda_variant_has_two_rungs_more() -> None:
    assert rungs_of(image("asr", "outside:python")) == BELOW[:-1]
    assert rungs_of(image("asr", "outside:python", "cuda")) == (*BELOW, Rung.gpu)


def test_what_is_recorded_is_not_done_again_but_for_what_concerns_security() -> None:
    assert to_do(BELOW, set(BELOW)) == (Rung.structure, Rung.size)
    assert to_do(BELOW, ()) == BELOW
    assert to_do(BELOW, {Rung.contents, Rung.closure, Rung.imports, Rung.cuda}) == (
        Rung.structure,
        Rung.size,
        Rung.programs,
    )


def test_objects_are_looked_at_together_with_what_the_imports_loaded() -> None:
    assert to_do(BELOW, {Rung.imports, Rung.programs}) == (
        Rung.structure,
        Rung.size,
        Rung.contents,
        Rung.closure,
        Rung.imports,
        Rung.cuda,
    )


def test_a_rung_is_blocked_by_what_it_stands_on_alone() -> None:
    checks = [
        check(Rung.structure, Status.failed, "no cache"),
        check(Rung.imports, Status.failed, "import torch"),
    ]
    assert {rung: blocking_check(rung, checks) for rung in Rung} == {
        Rung.structure: "",
        Rung.size: "",
        Rung.contents: "",
        Rung.closure: "",
        Rung.imports: "",
        Rung.programs: "import torch",
        Rung.cuda: "",
        Rung.gpu: "import torch",
    }


def test_a_rung_passed_when_nothing_failed_and_something_was_seen() -> None:
    checks = [
        check(Rung.imports, name="import one"),
        check(Rung.imports, Status.skipped, "import two"),
        check(Rung.closure, Status.skipped),
        check(Rung.programs, Status.blocked),
        check(Rung.structure, name="user"),
        check(Rung.structure, Status.failed, "no cache"),
    ]
    assert passed(checks) == {Rung.imports: (checks[0], checks[1])}


def test_checks_are_told_by_rung_the_lowest_first() -> None:
    checks = [check(Rung.programs), check(Rung.imports, name="b"), check(Rung.imports, name="a")]
    assert [one.name for one in in_order(checks)] == ["b", "a", "programs"]


def test_what_comes_from_the_ledger_says_so() -> None:
    recorded = {Rung.imports: (check(Rung.imports),), Rung.closure: (check(Rung.closure),)}
    assert from_ledger(recorded, (Rung.closure,)) == (
        Check(name="imports", rung=Rung.imports, status=Status.passed, recorded=True),
    )


def test_what_a_check_below_was_blocked_by_blocks_too() -> None:
    checks = (
        Check(name="user", status=Status.failed),
        Check(name="no cache", status=Status.failed),
        Check(name="libcublas.so.12", rung=Rung.cuda, status=Status.blocked, blocked_by="no cache"),
    )
    assert blocking_check(Rung.gpu, checks) == "no cache"
    assert blocking_check(Rung.gpu, checks[:2]) == ""
    assert blocking_check(Rung.programs, (Check(name=PROBE_CHECK, status=Status.failed),)) == PROBE_CHECK
