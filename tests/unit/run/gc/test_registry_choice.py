from __future__ import annotations

from dataclasses import replace

from ci.run.gc.registry_choice import Stale, Tagged, choose

DAY_S = 86400.0
MONTH_S = 30 * DAY_S
OLD, NEW = 40 * DAY_S, 2 * DAY_S


def key(number: int) -> str:
    return f"k-{number:032x}"


def image(
    number: int, *, repository: str = "team/asr", digest: str = "", age_s: float | None = OLD
) -> list[Tagged]:
    """Return a cached image with its key document; it has a layer of its own and the one called shared."""
    name = f"{repository}-{number}"
    blobs = {f"config-{name}": 1, f"layer-{name}": 100, "shared": 1000}
    return [
        Tagged(
            repository=repository,
            tag=key(number),
            digest=digest or f"image-{name}",
            config=f"config-{name}",
            blobs=blobs,
        ),
        Tagged(
            repository=repository,
            tag=f"{key(number)}.key",
            digest=f"key-{name}",
            config="empty",
            blobs={"empty": 2},
            age_s=age_s,
        ),
    ]


def chosen(*tagged: Tagged, current: tuple[str, ...] = ()) -> list[str]:
    return [one.tag for one in choose(tagged, current, older_than_s=MONTH_S)]


def test_an_old_image_goes_with_its_key_document_first() -> None:
    assert choose([*image(1), *image(2, age_s=NEW)], (), older_than_s=MONTH_S) == (
        Stale(
            repository="team/asr",
            tag=key(1),
            digests=("key-team/asr-1", "image-team/asr-1"),
            compressed_bytes=101,  # the shared layer is needed by the other one
            reason="pushed 40 days ago",
        ),
    )


def test_results_of_checks_go_with_their_image_and_stay_with_it() -> None:
    smoke = [
        Tagged(
            repository="team/asr",
            tag=f"{key(number)}.smoke-0123456789ab-x86-64-v3-sm90-r570",
            digest=f"smoke-{number}",
            config="empty",
            blobs={"empty": 2},
            age_s=NEW,
        )
        for number in (1, 2)
    ]
    (stale,) = choose([*smoke, *image(1), *image(2, age_s=NEW)], (), older_than_s=MONTH_S)
    assert stale.digests == ("key-team/asr-1", "smoke-1", "image-team/asr-1")


def test_what_a_checkout_reuses_stays() -> None:
    assert chosen(*image(1), current=(key(1),)) == []


def test_what_a_release_has_stays() -> None:
    release = Tagged(
        repository="team/asr", tag="cpu-1.0", digest="other", config="config-team/asr-1", blobs={}
    )
    assert chosen(*image(1), *image(2), release) == [key(2)]


def test_a_release_of_another_repository_keeps_nothing_here() -> None:
    release = Tagged(repository="team/vad", tag="cpu", digest="x", config="config-team/asr-1", blobs={})
    assert chosen(*image(1), release) == [key(1)]


def test_a_digest_that_a_kept_tag_names_is_not_removed() -> None:
    by_hand = Tagged(
        repository="team/asr", tag="keep-me", digest="image-team/asr-1", config="another", blobs={}
    )
    (stale,) = choose([*image(1), by_hand], (), older_than_s=MONTH_S)
    assert stale.digests == ("key-team/asr-1",)


def test_an_image_on_its_way_stays() -> None:
    assert chosen(image(1)[0]) == []


def test_an_unknown_age_is_old() -> None:
    (stale,) = choose(image(1, age_s=None), (), older_than_s=MONTH_S)
    assert stale.reason == "of an unknown age"


def test_tags_that_are_no_cache_tags_are_never_chosen() -> None:
    for tag in ("latest", "cpu", "k-1", "k-" + "g" * 32, key(1) + ".sig", "release"):
        assert chosen(Tagged(repository="team/asr", tag=tag, digest="x", config="y", blobs={})) == []


def test_the_largest_comes_first() -> None:
    small = image(1, repository="team/mux")
    large = image(2)
    large[0].blobs["huge"] = 10**9
    assert chosen(*small, *large) == [key(2), key(1)]


def test_what_an_index_names_is_not_removed() -> None:
    index = Tagged(
        repository="team/asr",
        tag="all",
        digest="index",
        config="",
        blobs={},
        named=frozenset({"image-team/asr-1"}),
    )
    (stale,) = choose([*image(1), index], (), older_than_s=MONTH_S)
    assert stale.digests == ("key-team/asr-1",)


def test_an_old_image_goes_with_its_gzip_layers() -> None:
    gz = Tagged(
        repository="team/asr-1",
        tag=f"{key(1)}.gz",
        digest="gz-1",
        config="config-team/asr-1",
        blobs={"config-team/asr-1": 1, "gz-layer-1": 120},
    )
    one = [replace(each, repository="team/asr-1") for each in image(1)]
    (stale,) = choose([*one, gz], (), older_than_s=MONTH_S)
    assert stale.digests == ("key-team/asr-1", "gz-1", "image-team/asr-1")
    assert stale.compressed_bytes == 1 + 100 + 1000 + 120
    released = replace(gz, tag="cpu-1.0")
    assert choose([*one, gz, released], (), older_than_s=MONTH_S) == ()


def test_wheels_go_by_age_unless_the_locks_name_them() -> None:
    def wheels(tag: str, age_s: float | None) -> Tagged:
        blobs = {"shared": 10, f"own-{tag}": 5}
        return Tagged(repository="w", tag=tag, digest=tag, config="empty", blobs=blobs, age_s=age_s)

    old, new, current = f"w-{'1' * 32}", f"a-{'2' * 32}", f"w-{'3' * 32}"
    tagged = [wheels(old, OLD), wheels(new, NEW), wheels(current, OLD), wheels("mine", OLD)]
    (stale,) = choose(tagged, {current}, wheels="w", older_than_s=MONTH_S)
    assert (stale.tag, stale.digests, stale.compressed_bytes) == (old, (old,), 5)


def test_beyond_a_size_the_oldest_go_whatever_their_age() -> None:
    """Each image has 101 bytes of its own beside the 1000 that all share."""
    days = (number * DAY_S for number in range(1, 5))
    tagged = [one for number, age in enumerate(days) for one in image(number, age_s=age)]

    def beyond(keep_bytes: int, *current: str) -> set[str]:
        found = choose(tagged, current, older_than_s=MONTH_S, keep_bytes=keep_bytes)
        assert {one.compressed_bytes for one in found} <= {101, 1101}
        return {one.tag for one in found}

    assert beyond(1404) == set()
    assert beyond(1403) == {key(3)}
    assert beyond(1202) == {key(2), key(3)}
    assert beyond(0) == {key(number) for number in range(4)}
    # what stays in any case counts too, and does so first
    assert beyond(1202, key(3)) == {key(1), key(2)}
    assert beyond(0, key(3)) == {key(number) for number in range(3)}


def test_nothing_older_is_kept_than_what_was_too_large() -> None:
    large, small = image(1, age_s=0.0), image(2, age_s=NEW)
    large[0].blobs["huge"] = 10**9
    found = choose([*large, *small], (), older_than_s=MONTH_S, keep_bytes=10**9)
    assert [(one.tag, one.reason) for one in found] == [
        (key(1), "with it and what is newer, more than 1.00 GB would be kept"),
        (key(2), "with it and what is newer, more than 1.00 GB would be kept"),
    ]


def test_wheels_and_images_share_a_size() -> None:
    wheel = Tagged(
        repository="w",
        tag=f"w-{'1' * 32}",
        digest="w",
        config="empty",
        blobs={"own": 5},
        age_s=1 * DAY_S,
    )
    tagged = [wheel, *image(1, age_s=NEW)]

    def beyond(keep_bytes: int) -> list[str]:
        found = choose(tagged, (), wheels="w", older_than_s=MONTH_S, keep_bytes=keep_bytes)
        return [one.tag for one in found]

    assert beyond(1106) == []
    assert beyond(1105) == [key(1)]
    assert beyond(4) == [key(1), wheel.tag]
