"""What a header WWW-Authenticate asks for: one challenge or several, in one line or in more. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

MOST = 16
"""Most challenges that are read."""
_WORD = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_PARAMETER = re.compile(rf'\s*({_WORD})\s*=\s*(?:"((?:[^"\\]|\\.)*+)"|([^\s,"]*))\s*(?:,|$)')
_SCHEME = re.compile(rf"\s*({_WORD})(?=\s|,|$)\s*")
_TOKEN68 = re.compile(r"[A-Za-z0-9._~+/-]+=*\s*(?:,|$)")
_REST = re.compile(r"[^,]*(?:,|$)")


@dataclass(frozen=True, slots=True)
class Challenge:
    """A scheme, in small letters, and its parameters by name in small letters."""

    scheme: str
    parameters: Mapping[str, str] = field(default_factory=dict)


def challenges_of(header: str) -> tuple[Challenge, ...]:
    """Return the challenges of a header; what has another form is left out.

    Several headers of the same name are one with commas between them.

    Source: RFC 9110 sections 5.3 and 11.6.1.
    """
    found: list[tuple[str, dict[str, str]]] = []
    place = 0
    while place < len(header) and len(found) <= MOST:
        parameter = _PARAMETER.match(header, place)
        scheme = _SCHEME.match(header, place) if parameter is None else None
        if parameter is not None:
            quoted, plain = parameter[2], parameter[3]
            value = re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else plain
            if found:
                found[-1][1].setdefault(parameter[1].lower(), value)
            place = parameter.end()
        elif scheme is not None:
            found.append((scheme[1].lower(), {}))
            place = scheme.end()
            if header[place : place + 1] == ",":
                place += 1
            elif _PARAMETER.match(header, place) is None and (token := _TOKEN68.match(header, place)):
                place = token.end()
        else:
            rest = _REST.match(header, place)
            place = max(rest.end() if rest is not None else 0, place + 1)
    return tuple(Challenge(scheme, parameters) for scheme, parameters in found[:MOST])
