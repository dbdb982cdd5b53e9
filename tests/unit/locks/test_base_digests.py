"""A digest written into bases.lock.toml."""

from __future__ import annotations

import tomllib

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
