"""Pieces of Markdown around any text."""

from __future__ import annotations

import pytest

from ci.report.markup import block, code, excerpt, indented, inline, listed


def test_text_in_a_line_marks_up_nothing() -> None:
    assert inline("a|b\n  `c` <d> &e; *f* [g](h)") == r"a\|b \`c\` \<d\> \&e; \*f\* \[g\](h)"


def test_a_long_text_in_a_line_is_cut_before_it_is_escaped() -> None:
    assert inline("****", 3) == r"\*\*…"
    assert inline("****", 4) == r"\*\*\*\*"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a", "`a`"),
        ("a\nb", "`a b`"),
        ("`a`", "`` `a` ``"),
        ("a``b", "``` a``b ```"),
    ],
)
def test_code_in_a_line_ends_where_its_text_does(text: str, shown: str) -> None:
    assert code(text) == shown


def test_a_block_in_a_list_keeps_its_lines() -> None:
    assert indented(block("a\n\n  b")) == "  ```text\n  a\n\n    b\n  ```"


def test_of_a_long_text_the_beginning_and_more_of_the_end_is_shown() -> None:
    assert excerpt("0123456789", 10) == "0123456789"
    assert excerpt("0123456789", 8) == "01\n… 2 characters are left out …\n456789"


def test_of_many_names_the_first_are_listed() -> None:
    assert listed(["a", "b"]) == "`a`, `b`"
    assert listed([str(number) for number in range(14)]).endswith("`10`, `11` and 2 more")
