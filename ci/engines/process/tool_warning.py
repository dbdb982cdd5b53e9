"""Warnings in the output of the tools that are run: uv, apt, dpkg, skopeo. Pure."""

from __future__ import annotations

import re

_FORMS = (
    re.compile(r"\s*warning: (?P<text>.+)"),  # uv
    re.compile(r"W: (?P<text>.+)"),  # apt
    re.compile(r"(?P<text>(?:dpkg|dpkg-\w+|update-\w+): warning: .+)"),
    re.compile(r'time="[^"]*" level=warning msg="(?P<text>.+)"'),  # skopeo, buildah
)
LONGEST = 1000


def warning_of(line: str) -> str:
    """Return the text of a line that is a warning of a tool; empty for any other line.

    Source: apt writes `W: ` in front of a warning, uv `warning: `, dpkg `NAME: warning: `.
    """
    for form in _FORMS:
        found = form.match(line[:LONGEST].rstrip())
        if found:
            return found["text"].strip()
    return ""


def warnings_of(text: str) -> tuple[str, ...]:
    """Return the warnings in the output of a tool, each once."""
    return tuple(dict.fromkeys(found for line in text.splitlines() if (found := warning_of(line))))
