"""How often, and with which pauses, a request to a registry is retried. Pure but for the budget it counts."""

from __future__ import annotations

import email.utils
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.request import parse_http_list

TRANSIENT = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Statuses of transient errors. Source: RFC 9110 section 15, RFC 6585."""

AT_ONCE = 64
"""Most requests in flight."""
SMALL_BYTES, SLOWEST_BYTES_PER_S = 16 * 2**20, 1_000_000
"""A larger body gets more time, by the slowest connection that is supported."""


@dataclass(slots=True, kw_only=True)
class RetryPolicy:
    """The retries of one run, and how long it waits for answers.

    Attributes:
        tries: most tries of one request.
        budget: most retries of the run; it is counted down.
        answer_s: most seconds until an answer is complete.
        pause_s: the first pause; each further one is twice as long.
        longest_pause_s: the longest pause, also where the registry asks for more.
    """

    tries: int = 4
    budget: int = 40
    answer_s: float = 30.0
    pause_s: float = 0.5
    longest_pause_s: float = 20.0

    def limit_s(self, size_bytes: int) -> float:
        """Return the most seconds that an answer of at most so many bytes may take."""
        return self.answer_s + max(0, size_bytes - SMALL_BYTES) / SLOWEST_BYTES_PER_S

    def pause(self, tried: int, after: str | None, now: datetime) -> float | None:
        """Return the seconds to wait after `tried` tries, by a header Retry-After if there is one.

        None: do not retry, since tries or budget are used up or the registry asks for too long a pause.
        """
        if tried >= self.tries or self.budget <= 0:
            return None
        asked_s = retry_after_s(after, now)
        if asked_s is not None and asked_s > self.longest_pause_s:
            return None
        self.budget -= 1
        own_s = min(self.pause_s * 2 ** (tried - 1), self.longest_pause_s)
        return own_s if asked_s is None else max(asked_s, 0.0)


def retry_after_s(text: str | None, now: datetime) -> float | None:
    """Return the seconds that a header Retry-After asks for. Source: RFC 9110 section 10.2.3."""
    if text is None:
        return None
    if re.fullmatch(r"[0-9]{1,9}", text.strip()):
        return float(text)
    try:
        return (email.utils.parsedate_to_datetime(text) - now).total_seconds()
    except (ValueError, TypeError, OverflowError):
        return None


def challenge_of(header: str) -> tuple[str, Mapping[str, str]]:
    """Return the scheme, in small letters, and the parameters of a header WWW-Authenticate.

    Source: RFC 9110 section 11.6.1; the first challenge counts.
    """
    scheme, _, rest = header.strip().partition(" ")
    found: dict[str, str] = {}
    for item in parse_http_list(rest):
        name, sep, value = item.partition("=")
        if sep:
            found.setdefault(name.strip().lower(), value.strip().strip('"'))
    return scheme.lower(), found
