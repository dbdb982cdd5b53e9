"""docs/decisions/index.md lists every decision, with its title and its status."""

from __future__ import annotations

import re

import pytest

from tests.unit.docs.pages import PAGES

FOLDER = "docs/decisions/"
INDEX = PAGES[f"{FOLDER}index.md"]
FILES = [page for page in PAGES if page.startswith(FOLDER) and not page.endswith("/index.md")]
ROW = re.compile(r"^\| (\d+) \| \[(.*)\]\((.*)\) \| (.*) \| (.+) \|$", re.MULTILINE)


def test_the_index_has_every_decision_in_order() -> None:
    rows = ROW.findall(INDEX)
    assert [f"{FOLDER}{file}" for _, _, file, _, _ in rows] == FILES
    assert [int(number) for number, *_ in rows] == list(range(1, len(FILES) + 1))


@pytest.mark.parametrize("page", FILES)
def test_a_decision_has_the_title_and_status_of_the_index_and_says_why_and_at_what_cost(page: str) -> None:
    text = PAGES[page]
    (row,) = (row for row in ROW.findall(INDEX) if f"{FOLDER}{row[2]}" == page)
    number, title, _, status, _ = row
    assert text.startswith(f"# {number}. {title}\n\nStatus: {status[0].lower()}{status[1:]}.\n")
    for part in ("**Decision.**", "**Alternative"):
        assert part in text
    assert "**Cost.**" in text or "**Not tested.**" in text
