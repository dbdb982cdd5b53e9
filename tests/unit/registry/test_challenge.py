from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ci.registry.challenge import MOST, challenges_of

BEARER = {"realm": "https://auth.example.org/token", "service": "r", "scope": "repository:a/b:pull,push"}


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ('Basic realm="a registry"', [("basic", {"realm": "a registry"})]),
        (
            'Bearer realm="https://auth.example.org/token",service="r",scope="repository:a/b:pull,push"',
            [("bearer", BEARER)],
        ),
        ("", []),
        ("Negotiate", [("negotiate", {})]),
        ('Negotiate, Basic realm="x"', [("negotiate", {}), ("basic", {"realm": "x"})]),
        ('Negotiate YII=\t, Basic realm="x"', [("negotiate", {"yii": ""}), ("basic", {"realm": "x"})]),
        ("Basic , , Bearer realm=x", [("basic", {}), ("bearer", {"realm": "x"})]),
        (
            'Digest qop="auth", nonce="a\\"b, Basic", Basic realm="y"',
            [("digest", {"qop": "auth", "nonce": 'a"b, Basic'}), ("basic", {"realm": "y"})],
        ),
        ('Basic realm="x", charset="UTF-8"', [("basic", {"realm": "x", "charset": "UTF-8"})]),
        ('Basic REALM="x", realm="y"', [("basic", {"realm": "x"})]),
        (', =, "', []),
    ],
)
def test_all_challenges_of_a_header_are_read(header: str, expected: list[tuple[str, dict[str, str]]]) -> None:
    assert [(one.scheme, dict(one.parameters)) for one in challenges_of(header)] == expected


@given(st.text(st.sampled_from('Basic,= "\\Ber~+/\t\x00ä'), max_size=200))
def test_any_header_is_read(header: str) -> None:
    assert len(challenges_of(header)) <= MOST
    found = challenges_of(f'{header}, Basic realm="x"') if '"' not in header else ()
    assert all(one.scheme == one.scheme.lower() for one in found)
