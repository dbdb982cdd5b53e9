"""Requirement files: what is written is what uv is asked, and no line takes long."""

from __future__ import annotations

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.requirements import Requirement

from ci.catalog.requirements import parse_requirements
from ci.locks.project import Group, Project, project_text

NAMES = st.from_regex(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,8}[A-Za-z0-9])?", fullmatch=True)
VERSIONS = st.sampled_from(["", ">=1", "==1.2.*", "~=1.0", "<2,>=1", "(>=1)", " == 1!2.0+cu128"])
# no line break, comment or quote: those end the text of a marker
TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"], exclude_characters="'\"#\\"))
VALUES = st.tuples(TEXTS, st.sampled_from("'\"")).map(lambda pair: f"{pair[1]}{pair[0]}{pair[1]}")
MARKERS = st.tuples(
    st.sampled_from(["sys_platform", "platform_release", "os_name"]), st.sampled_from(["==", "!="]), VALUES
).map(" ".join)
LINES = st.tuples(NAMES, st.lists(NAMES, max_size=2), VERSIONS, st.lists(MARKERS, max_size=2)).map(
    lambda parts: (
        parts[0]
        + (f"[{','.join(parts[1])}]" if parts[1] else "")
        + parts[2]
        + (f" ; {' and '.join(parts[3])}" if parts[3] else "")
    )
)


@given(rows=st.lists(LINES, max_size=4))
def test_a_requirement_reaches_uv_as_it_was_written(rows: list[str]) -> None:
    found = parse_requirements("\n".join(rows))
    assert not found.errors
    group = Group(name="a", parent="", requirements=found.lines)
    text = project_text(Project(name="small", python="3.11", groups=(group,)))
    lines = tomllib.loads(text)["dependency-groups"]["a"]
    assert [Requirement(line) for line in lines] == [Requirement(row) for row in rows]


@given(text=st.text())
def test_any_text_is_requirements_or_errors(text: str) -> None:
    found = parse_requirements(text)
    rows = [row for row in text.splitlines() if row.strip() and not row.strip().startswith("#")]
    assert len(found.lines) + len(found.errors) == len(rows)
    for line in found.lines:
        assert Requirement(line).url is None


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ('numpy ; python_version >= "3" \\', "ends with a backslash"),
        ("numpy --hash=sha256:00", "is not a requirement"),
        ("numpy @ https://example.org/x.whl", "is not a requirement of an index"),
        ("--pre", "is an option"),
        ("numpy ; " + "(" * 3000, "is not a requirement"),
        ("numpy ; sys_platform == 'x" + "y" * 5000 + "'", "is not a requirement"),
        ("numpy" + " " * 200_000 + "!", "is not a requirement"),
        (
            "numpy[a" + " " * 200_000 + "]" + " " * 200_000 + ">=1" + " " * 200_000 + "!",
            "is not a requirement",
        ),
        ("numpy" + " " * 1_000_000 + "#", ""),
    ],
)
def test_a_line_that_is_no_requirement_is_one_error(line: str, what: str) -> None:
    found = parse_requirements(f"rich\n{line}\ntqdm")
    assert [(number, what in text) for number, text, _ in found.errors] == ([(2, True)] if what else [])
    assert ("rich" in found.always, "tqdm" in found.always) == (True, True)


def test_comments_are_no_requirements() -> None:
    text = "# all\n\nnumpy==2.0.2   # why\nrich\t# tab\n  tqdm \n#end"
    assert parse_requirements(text).lines == ("numpy==2.0.2", "rich", "tqdm")
