from __future__ import annotations

from pathlib import Path

import pytest

from ci.names.folder import MAX_BYTES, printable, undecodable, unusable


@pytest.mark.parametrize("name", ["plain", "josé", "m@example.org", "a+b", "a~1", "-x", "日本", "1.2_3"])
def test_letters_of_any_language_and_usual_signs_are_taken(name: str) -> None:
    assert unusable(Path("/var/tmp", name)) == ""
    assert undecodable(Path("/var/tmp", name)) == ""


@pytest.mark.parametrize("sign", list(":,;[]{}()<>%$*?!&|\\\"'`#= "))
def test_a_sign_that_some_program_takes_for_something_else_is_named(sign: str) -> None:
    assert "programs of a build take for something else" in unusable(Path(f"/var/tmp/a{sign}b"))
    assert undecodable(Path(f"/var/tmp/a{sign}b")) == ""


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("a\nb", r"its name has the control character '\n'"),
        ("a\x1b[31m", r"its name has the control character '\x1b'"),
        ("a\udcff", "its name is not UTF-8"),
    ],
)
def test_a_name_that_cannot_be_printed_is_refused_for_the_stack_too(name: str, reason: str) -> None:
    path = Path("/var/tmp", name)
    assert unusable(path) == undecodable(path) == reason
    assert printable(path).isprintable()


def test_a_path_is_as_long_as_a_mount_of_all_layers_allows() -> None:
    longest = Path("/" + "é" * ((MAX_BYTES - 2) // 2) + "a")
    assert unusable(longest) == ""
    assert "has 201 bytes" in unusable(Path(f"{longest}b"))
