"""What can go, and why."""

from __future__ import annotations

from dataclasses import replace

from ci.engines.local_store import StoredImage
from ci.run.gc.choice import (
    ALL,
    NO_IMAGE,
    NOT_IN_STACK,
    SUPERSEDED,
    UNLOCKED,
    UNNAMED,
    Item,
    RetainedSet,
    choose_content_files,
    choose_images,
    choose_records,
)

KEPT = RetainedSet(
    namespace="dw",
    ids={"base:cpu", "asr:cpu"},
    names={"dw/base:k-1", "dw/asr:k-2", "dw/bootstrap:k-b"},
)
ROOT, BASE = ("root", 100), ("base", 40)


def image(id_: str, *names: str, layers: tuple[tuple[str, int], ...]) -> StoredImage:
    return StoredImage(id=id_, names=names, layers=layers)


BOOTSTRAP = image("i0", "dw/bootstrap:k-b", layers=(ROOT,))
BASE_CPU = image("i1", "dw/base:k-1", "dw/base:cpu", layers=(ROOT, BASE))


def chosen(
    *images: StoredImage, kept: RetainedSet = KEPT, ours: tuple[str, ...] = (), everything: bool = False
) -> list[tuple[str, int, str]]:
    items = choose_images((BOOTSTRAP, BASE_CPU, *images), kept, ours=ours, everything=everything)
    return [(item.name, item.size_bytes, item.reason) for item in items]


def test_what_the_plan_names_stays() -> None:
    assert chosen(image("i2", "dw/asr:k-2", "dw/asr:cpu", layers=(ROOT, BASE, ("a", 7)))) == []


def test_an_image_of_an_older_key_goes_with_the_bytes_that_nobody_else_has() -> None:
    old = image("i3", "dw/asr:k-9", layers=(ROOT, BASE, ("old", 30)))
    older = image("i4", "dw/asr:k-8", layers=(ROOT, BASE, ("old", 30), ("older", 5)))
    assert chosen(old, older) == [("dw/asr:k-8", 35, SUPERSEDED), ("dw/asr:k-9", 0, SUPERSEDED)]


def test_the_image_that_was_built_last_stays_though_the_plan_has_another_key_by_now() -> None:
    assert chosen(image("i3", "dw/asr:k-9", "dw/asr:cpu", layers=(ROOT, ("old", 30)))) == []


def test_an_image_that_the_stack_has_no_more_goes_with_both_names() -> None:
    gone = image("i5", "dw/old:cpu", "dw/old:k-7", layers=(ROOT, ("gone", 9)))
    assert chosen(gone) == [("dw/old:cpu", 9, NOT_IN_STACK), ("dw/old:k-7", 0, NOT_IN_STACK)]


def test_foreign_images_stay_and_so_do_images_with_a_foreign_name() -> None:
    foreign = image("f1", "docker.io/library/debian:12", layers=(("deb", 90),))
    other = image("f2", "dwarf/asr:k-9", layers=(("x", 90),))
    also_foreign = image("f3", "dw/asr:k-9", "mine/asr:1", layers=(ROOT, ("y", 5)))
    assert chosen(foreign, other, also_foreign) == []
    # with everything only the stack's own name goes, and frees nothing
    items = chosen(foreign, other, also_foreign, everything=True)
    assert [item for item in items if item[0] not in {*BOOTSTRAP.names, *BASE_CPU.names}] == [
        ("dw/asr:k-9", 0, ALL)
    ]


def test_an_intermediate_without_layers_of_its_own_stays_it_is_the_cache_and_takes_nothing() -> None:
    assert chosen(image("n1", layers=(ROOT, BASE))) == []


def test_of_a_chain_of_intermediates_the_last_goes_first() -> None:
    first = image("n1", layers=(ROOT, ("left", 20)))
    last = image("n2", layers=(ROOT, ("left", 20), ("more", 3)))
    assert chosen(first, last) == [("n2", 23, UNNAMED), ("n1", 0, UNNAMED)]


def test_in_a_shared_store_only_an_intermediate_that_is_known_as_ours_goes() -> None:
    shared = replace(KEPT, alone=False)
    ours, foreign = image("n1", layers=(ROOT, ("left", 20))), image("n2", layers=(("theirs", 50),))
    assert chosen(ours, foreign, kept=shared, ours=("n1",)) == [("n1", 20, UNNAMED)]
    assert chosen(ours, foreign, kept=shared, everything=True) == [
        ("dw/base:cpu", 40, ALL),
        ("dw/base:k-1", 0, ALL),
        ("dw/bootstrap:k-b", 0, ALL),
    ]


def test_layers_that_a_foreign_intermediate_needs_are_not_counted_as_freed() -> None:
    shared = replace(KEPT, alone=False)
    old = image("i3", "dw/asr:k-9", layers=(ROOT, ("old", 30)))
    theirs = image("n2", layers=(ROOT, ("old", 30), ("theirs", 1)))
    assert chosen(old, theirs, kept=shared) == [("dw/asr:k-9", 0, SUPERSEDED)]


def test_a_builder_whose_name_is_not_known_stays() -> None:
    builder = image("b1", "dw/builder:k-5", layers=(ROOT, ("g++", 280)))
    assert chosen(builder) == [("dw/builder:k-5", 280, SUPERSEDED)]
    assert chosen(builder, kept=replace(KEPT, builder=False)) == []


def test_everything_is_all_of_the_namespace_and_each_byte_once() -> None:
    items = chosen(image("n1", layers=(ROOT, BASE, ("left", 20))), everything=True)
    assert items == [
        ("dw/base:cpu", 140, ALL),
        ("dw/base:k-1", 0, ALL),
        ("dw/bootstrap:k-b", 0, ALL),
        ("n1", 20, ALL),
    ]


def test_a_record_goes_with_its_image_unless_the_plan_will_want_it() -> None:
    records = [("/s/asr-cpu/k-2.json", "k-2", 10), ("/s/asr-cpu/k-9.json", "k-9", 12)]
    assert choose_records(records, KEPT.names) == (
        Item(kind="file", name="/s/asr-cpu/k-9.json", size_bytes=12, reason=NO_IMAGE),
    )


def test_a_fetched_file_stays_while_a_lock_names_it_or_it_was_made_of_a_locked_sdist() -> None:
    files = [("/k/aa", "aa", 1), ("/k/bb", "bb", 2), ("/k/cc", "cc", 3)]
    assert choose_content_files(files, {"aa"}, {"key": "cc"}) == (
        Item(kind="file", name="/k/bb", size_bytes=2, reason=UNLOCKED),
    )
