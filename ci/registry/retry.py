"""How often, and with which pauses, a request to a registry is retried. Pure but for the budget it counts."""

from __future__ import annotations

import email.utils
import re
from dataclasses import dataclass
from datetime import datetime

TRANSIENT = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Statuses of transient errors. Source: RFC 9110 section 15, RFC 6585."""

AT_ONCE = 64
"""Most requests in flight."""
FIRST_ANSWER_S = 10.0
"""Most seconds until the first answer of a registry, which is short."""
SMALL_BYTES, SLOWEST_BYTES_PER_S = 16 * 2**20, 1_000_000
"""A larger body gets more time, by the slowest connection that is supported."""


@dataclass(slots=True, kw_only=True)
class RetryPolicy:
    """The retries of one run, and how long it waits for answers.

    Attributes:
        tries: most tries of one request.
        budget: most retries of the run, but for those that the registry asks to wait for; it is counted down.
        answer_s: most seconds until an answer is complete.
        connect_s: most seconds until a connection is there.
        pause_s: the first pause; each further one is twice as long.
        longest_pause_s: the longest pause that the registry may ask for.
        asked_s: most seconds of the run for such pauses together; it is counted down.
        opening_s, silence_s: seconds without any answer, at first and later, after which the registry counts
            as down: nothing is asked for `down_s`, so that not every request waits for it.
    """

    tries: int = 4
    budget: int = 40
    answer_s: float = 30.0
    connect_s: float = 5.0
    pause_s: float = 0.5
    longest_pause_s: float = 120.0
    asked_s: float = 300.0
    opening_s: float = 15.0
    silence_s: float = 60.0
    down_s: float = 60.0
    _has_answered: bool = False
    _silent_since: float | None = None
    _down_until: float = 0.0

    def limit_s(self, size_bytes: int) -> float:
        """Return the most seconds that an answer of at most so many bytes may take."""
        answer_s = self.answer_s if self._has_answered else min(self.answer_s, FIRST_ANSWER_S)
        return answer_s + max(0, size_bytes - SMALL_BYTES) / SLOWEST_BYTES_PER_S

    def answered(self) -> None:
        """Record an answer, whatever its status is."""
        self._has_answered, self._silent_since, self._down_until = True, None, 0.0

    def unanswered(self, started: float, now: float) -> bool:
        """Record that a request of the time `started` got no answer; return whether the registry is down."""
        self._silent_since = started if self._silent_since is None else self._silent_since
        if now - self._silent_since < (self.silence_s if self._has_answered else self.opening_s):
            return False
        self._down_until = now + self.down_s
        return True

    def is_down(self, now: float) -> bool:
        """Whether the registry is not asked now."""
        return now < self._down_until

    def pause(self, tried: int, after: str | None, now: datetime) -> float | None:
        """Return the seconds to wait after `tried` tries, by a header Retry-After if there is one.

        None: do not retry, since tries or budget are used up or the registry asks for too long a pause.
        """
        if tried >= self.tries or self.budget <= 0:
            return None
        asked_s = retry_after_s(after, now)
        if asked_s is not None and asked_s > min(self.longest_pause_s, self.asked_s):
            return None
        if asked_s is None or asked_s < 1:
            self.budget -= 1
        own_s: float = min(self.pause_s * 2 ** (tried - 1), self.longest_pause_s)
        return own_s if asked_s is None else max(asked_s, 0.0)


def retry_after_s(text: str | None, now: datetime) -> float | None:
    """Return the seconds that a header Retry-After asks for. Source: RFC 9110 section 10.2.3."""
    if text is None:
        return None
    if re.fullmatch(r"[0-9]{1,9}", text.strip()):
        return float(text)
    try:
        wanted: datetime = email.utils.parsedate_to_datetime(text[:64])
        return (wanted - now).total_seconds()
    except (ValueError, TypeError, OverflowError):
        return None
