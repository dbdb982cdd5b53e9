from __future__ import annotations

from bench.peers.sizes import differences, made, size, smaller, union

ONE = (("base", 100), ("one", 10))
TWO = (("base", 100), ("two", 20))


def test_a_shared_layer_counts_once_in_a_union() -> None:
    assert union([ONE, TWO]) == {"base": 100, "one": 10, "two": 20}
    assert size(ONE) + size(TWO) == 230


def test_made_is_what_was_neither_there_nor_given() -> None:
    assert made([ONE], [ONE, TWO]) == {"two": 20}
    assert made([], [ONE, TWO], given=["base"]) == {"one": 10, "two": 20}


def test_smaller_is_a_share_of_the_whole() -> None:
    assert smaller(30, 100) == 70.0
    assert smaller(110, 100) == -10.0
    assert smaller(0, 0) == 0.0


def test_differences_name_the_largest_groups_of_either_side_and_no_small_ones() -> None:
    own = {"numpy": 70_000_000, "uv": 9_000_000, "same": 5}
    twin = {"numpy": 70_500_000, "torch": 900_000_000, "pip": 12_000_000, "same": 5}
    more, less = differences(own, twin)
    assert more == [("torch", 900_000_000), ("pip", 12_000_000)]
    assert less == [("uv", 9_000_000)]
    assert differences(own, twin, shown=1)[0] == [("torch", 900_000_000)]
