from __future__ import annotations

import json

import pytest

from ci.report.budget.metrics import (
    Baseline,
    Metrics,
    added,
    carried,
    import_seconds,
    read_baseline,
    unique_bytes,
)
from ci.report.check import Check, Rung, Status

LAYERS = {"base:cpu": (("a", 10), ("b", 5)), "asr:cpu": (("a", 10), ("b", 5), ("c", 7))}


def metrics(id_: str = "asr:cpu", **more: object) -> Metrics:
    image, _, variant = id_.partition(":")
    values: dict[str, object] = {
        "image": image,
        "variant": variant,
        "key": f"key of {id_}",
        "parent": "base:cpu" if image != "base" else "outside:python",
        "unpacked_bytes": 100_000_000,
    }
    return Metrics.model_validate({**values, **more})


def test_unique_is_what_no_other_image_has() -> None:
    assert unique_bytes(LAYERS, ["base:cpu", "asr:cpu"]) == {"base:cpu": 0, "asr:cpu": 7}
    assert unique_bytes(LAYERS, ["base:cpu"]) == {"base:cpu": 15}


def test_a_layer_that_an_image_has_twice_is_its_own_still() -> None:
    assert unique_bytes({"mux:cpu": (("a", 3), ("a", 3))}, ["mux:cpu"]) == {"mux:cpu": 6}


def test_where_one_image_is_not_here_unique_is_not_known_of_any() -> None:
    assert unique_bytes(LAYERS, ["base:cpu", "mux:cpu"]) == {"base:cpu": None, "mux:cpu": None}


def test_the_time_of_imports_is_that_of_their_rung_alone() -> None:
    checks = [
        Check(name="import numpy", status=Status.passed, rung=Rung.imports, seconds=0.4),
        Check(name="import torch", status=Status.passed, rung=Rung.imports, seconds=2.3),
        Check(name="--help", status=Status.passed, rung=Rung.programs, seconds=9.0),
    ]
    assert import_seconds(checks) == 2.7


def test_imports_that_did_not_run_have_no_time() -> None:
    assert import_seconds([Check(name="import x", status=Status.blocked, rung=Rung.imports)]) is None
    assert import_seconds([]) is None


def test_what_an_image_adds_is_what_is_more_than_its_parents() -> None:
    assert added({"b": 4, "numpy": 9, "a": 2}, {"numpy": 9, "a": 1}) == {"a": 1, "b": 4}


def test_a_baseline_is_the_same_text_whatever_the_order() -> None:
    one, other = metrics("asr:cpu", distributions={"b": 1, "a": 2}), metrics("base:cpu")
    text = Baseline(images=(one, other)).as_json()
    same = metrics("asr:cpu", distributions={"a": 2, "b": 1})
    assert Baseline(images=(other, same)).as_json() == text
    assert read_baseline(text.encode()) == Baseline(images=(same, other))
    assert json.loads(text)["schema"] == 1
    assert "compressed_bytes" not in text  # what was not measured is not there


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the whole: Invalid JSON: EOF while parsing a value at line 1 column 0"),
        ('{"schema": 2}', "schema: Input should be 1"),
        ('{"schema": 1, "images": [{"image": "asr"}]}', "images.0.variant: Field required"),
    ],
)
def test_another_file_is_refused_with_where_it_is_wrong(text: str, message: str) -> None:
    with pytest.raises(ValueError) as caught:
        read_baseline(text.encode())
    assert str(caught.value) == message


def test_written_again_for_the_same_keys_nothing_changes_though_times_differ() -> None:
    before = Baseline(
        images=(metrics(import_s=1.0, build_ratio=9.0, compressed_bytes=5, distributions={"a": 1}),)
    )
    again = before.with_([metrics(import_s=1.4, build_ratio=None)], {"asr:cpu"})
    assert again.as_json() == before.as_json()


def test_another_key_takes_nothing_over() -> None:
    before = Baseline(images=(metrics(compressed_bytes=5),))
    changed = metrics(key="another")
    assert before.with_([changed], {"asr:cpu"}) == Baseline(images=(changed,))


def test_images_that_the_stack_has_no_more_go_and_those_not_measured_stay() -> None:
    before = Baseline(images=(metrics("asr:cpu"), metrics("gone:cpu"), metrics("mux:cpu")))
    after = before.with_([metrics("base:cpu")], {"asr:cpu", "base:cpu", "mux:cpu"})
    assert [one.id for one in after.images] == ["asr:cpu", "base:cpu", "mux:cpu"]


def test_what_was_measured_now_goes_before_what_is_carried() -> None:
    before = metrics(import_s=1.0, compressed_bytes=5)
    assert carried(metrics(import_s=2.0), before) == metrics(import_s=2.0, compressed_bytes=5)
    assert carried(metrics(), None) == metrics()
