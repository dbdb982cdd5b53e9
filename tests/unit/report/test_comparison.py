"""Two reports held against each other."""

from __future__ import annotations

from dataclasses import astuple

import pytest

from ci.plan.keys import Document, digest, documents
from ci.report.comparison import Verdict, other_keys, verdicts
from ci.report.outcome import Outcome
from ci.report.report import FailureRow, ImageRow, Report
from tests.stacks import file, small_stack, with_image

STACK = small_stack()
OLD = documents(STACK, "bootstrap")
CHANGED = with_image(STACK, "ml:cpu", files=(file("new.py"),))
NEW = documents(CHANGED, "bootstrap")
KEY, CONFIG = "a" * 64, "sha256:" + "c" * 64


def row(**more: object) -> ImageRow:
    values = {
        "task": "ml:cpu",
        "image": "ml",
        "variant": "cpu",
        "action": Outcome.built,
        "key": KEY,
        "digest": CONFIG,
    }
    return ImageRow(**{**values, **more})


def report(*rows: ImageRow, failure: str = "", engine: str = "buildah") -> Report:
    failures = (FailureRow(task=rows[0].task, message="a step failed", last_lines=("", failure, "")),)
    return Report(images=rows, engine=engine, failures=failures if failure else ())


def no_document(_image: str, _key: str) -> Document | None:
    return None


def document(image: str, key: str) -> Document | None:
    return {digest(side[image]): side[image] for side in (OLD, NEW)}.get(key)


def verdict(there: Report, here: Report) -> tuple[str, ...]:
    (found,) = verdicts(there, here, no_document)
    return astuple(found)[1:]


def test_images_of_one_key_and_one_config_are_equal_whoever_writes_the_digest_how() -> None:
    here = report(row(digest="c" * 64, action=Outcome.reused))
    assert verdicts(report(row()), here, no_document) == (
        Verdict(
            image="ml:cpu",
            word="equal",
            text="key aaaaaaaaaaaa, config cccccccccccc, already here",
        ),
    )


def test_another_config_under_one_key_is_a_difference() -> None:
    word, text = verdict(report(row()), report(row(digest="d" * 64)))
    assert (word, text) == (
        "differs",
        "config digest cccccccccccc there, dddddddddddd here, under one key aaaaaaaaaaaa",
    )


@pytest.mark.parametrize(("there", "here"), [("docker", "buildah"), ("buildah", "docker")])
def test_digests_of_an_engine_that_promises_none_are_not_compared(there: str, here: str) -> None:
    word, text = verdict(report(row(), engine=there), report(row(digest="d" * 64), engine=here))
    assert (word, text) == (
        "equal",
        "key aaaaaaaaaaaa, built here; digests are not compared: docker gives no equal digests",
    )


def test_what_a_registry_had_has_the_digests_of_buildah() -> None:
    assert verdict(report(row(), engine=""), report(row(digest="d" * 64)))[0] == "differs"


def test_another_key_is_told_by_the_input_that_changed() -> None:
    there, here = report(row(key=digest(OLD["ml:cpu"]))), report(row(key=digest(NEW["ml:cpu"])))
    (found,) = verdicts(there, here, document)
    assert found.word == "differs"
    keys, _, why = found.text.partition(": ")
    assert keys == f"key {digest(OLD['ml:cpu'])[:12]} there, {digest(NEW['ml:cpu'])[:12]} here"
    assert why.startswith("file /opt/app/new.py added: new.py 0644 ")
    assert other_keys(there, here) == (("ml:cpu", digest(OLD["ml:cpu"]), digest(NEW["ml:cpu"])),)
    assert other_keys(there, there) == ()


def test_without_a_key_document_why_is_unknown() -> None:
    there, here = report(row(key=digest(OLD["ml:cpu"]))), report(row(key=KEY))
    (found,) = verdicts(there, here, document)
    assert found.text.endswith(": reason unknown: no key document of the one here is available")


def test_what_failed_there_and_fails_here_with_the_same_last_words_came_out_the_same() -> None:
    failed = row(action=Outcome.failed, digest=None)
    word, text = verdict(report(failed, failure="no wheel"), report(failed, failure="no wheel"))
    assert (word, text) == ("equal", "fails here too: no wheel")
    word, text = verdict(report(failed, failure="no wheel"), report(failed, failure="no room"))
    assert (word, text) == ("differs", "fails here too, with another error: no room; there: no wheel")


def test_what_failed_on_one_side_alone_is_a_difference() -> None:
    failed = row(action=Outcome.failed, digest=None)
    assert verdict(report(failed, failure="no wheel"), report(row())) == (
        "differs",
        "failed (no wheel) there, built here",
    )
    blocked = row(action=Outcome.blocked, blocked_by=("base:cpu",))
    assert verdict(report(blocked), report(failed, failure="no wheel")) == (
        "differs",
        "blocked by base:cpu there, failed (no wheel) here",
    )


def test_what_was_blocked_on_both_sides_came_out_the_same() -> None:
    blocked = row(action=Outcome.blocked, blocked_by=("base:cpu",))
    assert verdict(report(blocked), report(blocked)) == ("equal", "blocked here too, by base:cpu")


@pytest.mark.parametrize("action", [Outcome.cancelled, Outcome.planned, Outcome.unfinished])
def test_of_what_was_cut_short_nothing_is_said(action: Outcome) -> None:
    short = row(action=action)
    expected = ("unknown", f"there it was {action}, so it can't be compared")
    assert verdict(report(short), report(row())) == expected
    assert verdict(report(row()), Report()) == ("unknown", "not built here")


def test_another_key_is_told_also_of_what_failed() -> None:
    failed = row(action=Outcome.failed, key=KEY)
    other = row(action=Outcome.failed, key="b" * 64)
    word, text = verdict(report(failed, failure="no"), report(other, failure="no"))
    assert word == "differs"
    assert text.endswith("; fails here too: no")
