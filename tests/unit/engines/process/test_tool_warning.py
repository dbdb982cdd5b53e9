"""Warnings of tools, found in what they write."""

from __future__ import annotations

import pytest

from ci.engines.process.tool_warning import warning_of, warnings_of


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("warning: `attrs==21.1.0` is yanked", "`attrs==21.1.0` is yanked"),
        ("W: Skipping acquire of configured file", "Skipping acquire of configured file"),
        ("dpkg: warning: unable to delete old directory", "dpkg: warning: unable to delete old directory"),
        (
            "update-alternatives: warning: skip creation of x",
            "update-alternatives: warning: skip creation of x",
        ),
        ('time="2026-12-01T00:00:00Z" level=warning msg="slow"', "slow"),
        ("Resolved 7 packages in 379ms", ""),
        ("usage: asr [-h] [--log-level {debug,info,warning,error}]", ""),
        ("no warning: here", ""),
        ("W: " + " " * 100_000, ""),
        ("", ""),
    ],
)
def test_a_warning_is_told_from_other_lines(line: str, text: str) -> None:
    assert warning_of(line) == text


def test_each_warning_counts_once() -> None:
    assert warnings_of("W: a\nReading…\nW: b\nW: a\n") == ("a", "b")
