from __future__ import annotations

import pytest

from ci.errors import UsageError
from ci.registry.namespace import RegistryNamespace, parse_namespace


@pytest.mark.parametrize(
    ("text", "host", "namespace"),
    [
        ("registry.example.org/team", "registry.example.org", "team"),
        ("ghcr.io/owner/stack", "ghcr.io", "owner/stack"),
        ("127.0.0.1:5000/team", "127.0.0.1:5000", "team"),
        ("[::1]:5000/a__b/c-d", "[::1]:5000", "a__b/c-d"),
    ],
)
def test_a_host_and_a_namespace_are_a_place(text: str, host: str, namespace: str) -> None:
    assert parse_namespace(text) == RegistryNamespace(host, namespace)
    assert str(parse_namespace(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "team",
        "registry.example.org",
        "registry.example.org/",
        "https://registry.example.org/team",
        "registry.example.org/Team",
        "registry.example.org/team/",
        "registry.example.org/../team",
        "registry.example.org/team:tag",
        "-registry/team",
        "registry.example.org/team?x=1",
        "user:secret@registry.example.org/team",
        "registry.example.org/" + "a" * 300,
    ],
)
def test_anything_else_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(UsageError, match=r"registry\.example\.org/team"):
        parse_namespace(text)


@pytest.mark.parametrize("text", ["ghcr.io/MyOrg", "GHCR.io/myorg", "localhost:5000/TEAM/Sub", "Team/x"])
def test_capital_letters_are_refused_with_what_to_write(text: str) -> None:
    with pytest.raises(UsageError, match=f"it has capital letters\nhint: write {text.lower()};"):
        parse_namespace(text)


@pytest.mark.parametrize(
    ("host", "is_loopback"),
    [
        ("localhost", True),
        ("localhost:5000", True),
        ("127.0.0.1:5000", True),
        ("127.8.9.1", True),
        ("[::1]:5000", True),
        ("[::1]", True),
        ("127.example.org", False),
        ("localhost.example.org:443", False),
        ("10.0.0.1:5000", False),
    ],
)
def test_only_this_machine_is_loopback(host: str, is_loopback: bool) -> None:
    assert RegistryNamespace(host, "team").is_loopback is is_loopback
