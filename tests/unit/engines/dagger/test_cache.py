from __future__ import annotations

import pytest

from ci.engines.dagger.cache import CacheLimits

GB = 10**9


def limits(most_gb: int = 0, reserved_gb: int = 0, free_gb: int = 0) -> CacheLimits:
    return CacheLimits(most_bytes=most_gb * GB, reserved_bytes=reserved_gb * GB, min_free_bytes=free_gb * GB)


@pytest.mark.parametrize(
    ("found", "small"),
    [
        (limits(), False),
        (limits(most_gb=19), True),
        (limits(most_gb=20), False),
        (limits(most_gb=2, reserved_gb=50), False),
        (limits(reserved_gb=2), False),
    ],
)
def test_a_cache_is_small_by_what_is_kept_of_it(found: CacheLimits, small: bool) -> None:
    assert bool(found.size_warning) == small


@pytest.mark.parametrize(
    ("found", "free_gb", "used_gb", "crowded"),
    [
        (limits(free_gb=20), 20, 0, False),
        (limits(free_gb=20), 19, 0, True),
        (limits(free_gb=20), 10, 29, True),
        (limits(free_gb=20), 10, 30, False),
        (limits(free_gb=20, reserved_gb=50), 0, 30, True),
        (limits(), 0, 0, False),
    ],
)
def test_a_disk_is_crowded_where_what_is_missing_leaves_too_little_cache(
    found: CacheLimits, free_gb: int, used_gb: int, crowded: bool
) -> None:
    assert bool(found.crowded(free_bytes=free_gb * GB, used_bytes=used_gb * GB)) == crowded
