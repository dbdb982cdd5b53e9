from __future__ import annotations

from ci.catalog.stack import Budget
from ci.report.check import Check, Rung, Status
from ci.smoke.size import budget_check, layer_check
from tests.stacks import image

MB = 10**6


def test_an_image_within_its_budget_passes_up_to_the_last_byte() -> None:
    asr = image("asr", "ml:cpu", budget=Budget(unpacked_mb=900))
    assert budget_check(asr, 900 * MB) == Check(
        name="size budget", rung=Rung.size, status=Status.passed, detail="900 MB of 900 MB"
    )


def test_one_over_its_budget_is_told_by_how_much_and_where_to_change_it() -> None:
    asr = image("asr", "ml:cpu", budget=Budget(unpacked_mb=900))
    assert budget_check(asr, 1000 * MB) == Check(
        name="size budget",
        rung=Rung.size,
        status=Status.failed,
        detail="1000 MB of 900 MB, 100 MB over\n"
        "hint: `dockwright budget` shows what grew; or raise unpacked_mb under [budget] in asr/image.toml",
    )


def test_a_little_over_is_over_and_never_zero() -> None:
    check = budget_check(image("asr", "ml:cpu", budget=Budget(unpacked_mb=900)), 900 * MB + 1)
    assert check.status is Status.failed
    assert check.detail.startswith("900.1 MB of 900 MB, 0.1 MB over")


def test_without_a_budget_nothing_is_checked() -> None:
    check = budget_check(image("asr", "ml:cpu"), 5 * MB)
    assert check.status is Status.skipped
    assert check.detail == "no budget in image.toml; it is 5 MB"


def test_a_layer_over_two_gigabytes_is_told_with_its_place_and_where_to_split_it() -> None:
    asr = image("asr", "ml:cuda", variant="cuda")
    assert layer_check(asr, [("a", 2000 * MB), ("b", 5)]).status is Status.passed
    assert layer_check(asr, [("a", 5), ("b", 2000 * MB + 1)]) == Check(
        name="layer sizes",
        rung=Rung.size,
        status=Status.failed,
        detail="layer 2 of 2 has 2000 MB; the limit is 2000 MB\n"
        "hint: list its large packages in variant.cuda.layers of asr/image.toml",
    )
