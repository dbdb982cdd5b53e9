from __future__ import annotations

from datetime import UTC, datetime

import pytest

from ci.registry.retry import TRANSIENT, RetryPolicy, retry_after_s
from ci.wheelhouse.program import client

NOW = datetime(2026, 11, 24, 12, 0, 0, tzinfo=UTC)


def test_pauses_double_and_end() -> None:
    retry_policy = RetryPolicy(tries=4, pause_s=0.5)
    assert [retry_policy.pause(tried, None, NOW) for tried in (1, 2, 3, 4)] == [0.5, 1.0, 2.0, None]


def test_the_budget_is_that_of_a_run() -> None:
    retry_policy = RetryPolicy(tries=10, budget=2)
    assert [retry_policy.pause(1, None, NOW) is None for _ in range(3)] == [False, False, True]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("7", 7.0),
        ("Tue, 24 Nov 2026 12:00:09 GMT", 9.0),
        ("soon", None),
        ("", None),
        (None, None),
    ],
)
def test_retry_after_is_seconds_or_a_date(text: str | None, seconds: float | None) -> None:
    assert retry_after_s(text, NOW) == seconds


def test_a_registry_that_wants_too_much_time_is_not_waited_for() -> None:
    assert RetryPolicy(longest_pause_s=20).pause(1, "21", NOW) is None
    assert RetryPolicy(longest_pause_s=20).pause(1, "20", NOW) == 20.0
    assert RetryPolicy().pause(1, "Mon, 23 Nov 2026 12:00:00 GMT", NOW) == 0.0


def test_the_program_that_fetches_packages_retries_the_same_statuses() -> None:
    assert client.TRANSIENT == TRANSIENT
