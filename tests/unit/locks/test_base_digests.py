"""A digest written into bases.lock.toml."""

from __future__ import annotations

import tomllib

import pytest

from ci.errors import LockError
from ci.locks.base_digests import with_digest

TEXT = """\
# Images from outside.
[debian]
reference = "docker.io/library/debian"
tag = "bookworm-slim"

[python]  # the one in use
reference = "docker.io/library/python"
# In public use.
digest = "sha256:old"   # since May
tag = "3.11-slim-bookworm"
"""
NEW = "sha256:" + "ab" * 32


def test_only_the_digest_changes() -> None:
    assert with_digest(TEXT, "python", NEW) == TEXT.replace("sha256:old", NEW)


def test_an_absent_digest_is_added_to_its_own_table() -> None:
    text = with_digest(TEXT, "debian", NEW)
    assert text == TEXT.replace('bookworm-slim"\n', f'bookworm-slim"\ndigest = "{NEW}"\n')
    assert tomllib.loads(text)["debian"]["digest"] == NEW


def test_a_quoted_name_is_found() -> None:
    text = TEXT.replace("[python]", '["python"]')
    assert tomllib.loads(with_digest(text, "python", NEW))["python"]["digest"] == NEW


def test_a_text_with_other_line_ends_in_it_stays() -> None:
    text = TEXT.replace("In public use.", "In\u2028public\x85use.")
    assert with_digest(text, "python", NEW) == text.replace("sha256:old", NEW)
    assert with_digest(text.replace("\n", "\r\n"), "python", NEW) == text.replace("sha256:old", NEW)


@pytest.mark.parametrize(
    "text",
    [
        'python = { reference = "python", tag = "3.11" }\n',
        'python.reference = "python"\npython.tag = "3.11"\n',
        '[python]\nreference = "python"\n"digest" = "sha256:old"\n',
        '[python]\nreference = "python"\ntag = """3\ndigest = "x"\n"""\n',
    ],
    ids=["an inline table", "dotted keys", "a quoted key", "a text of several lines"],
)
def test_an_entry_in_another_form_is_a_sentence(text: str) -> None:
    with pytest.raises(LockError, match=r"python: its digest is sha256:.* can't be written there"):
        with_digest(text, "python", NEW)
