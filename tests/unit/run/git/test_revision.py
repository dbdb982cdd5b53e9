from __future__ import annotations

import pytest

from ci.run.git.revision import Revision, without_credentials


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://example.org/team/stack.git", "https://example.org/team/stack.git"),
        ("https://user:secret@example.org/team/stack", "https://example.org/team/stack"),
        ("https://user:p@ss@example.org/team/stack", "https://example.org/team/stack"),
        ("https://token@example.org/a@b", "https://example.org/a@b"),
        ("git@example.org:team/stack.git", "git@example.org:team/stack.git"),
        ("ssh://git@example.org/team/stack", "ssh://example.org/team/stack"),
        ("/home/me/stack", ""),
        ("file:///home/me/stack", ""),
        ("", ""),
    ],
)
def test_a_source_names_no_secret_and_no_machine(url: str, shown: str) -> None:
    assert without_credentials(url) == shown


def test_a_revision_with_changes_is_not_named() -> None:
    assert Revision(commit="f00", is_clean=False, source="s").notes == {
        "org.opencontainers.image.source": "s"
    }
    assert Revision(commit="f00", is_clean=True).notes == {"org.opencontainers.image.revision": "f00"}
    assert Revision().notes == {}
