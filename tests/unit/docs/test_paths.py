"""Every path of the repository that a document names exists."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

import pytest

from tests.unit.docs.pages import PAGES, ROOT

PATH = re.compile(r"(?<![\w/.~:$-])(?:\.ci|\.github|bench|ci|docs|tests|docker/base)/[\w./*-]*")
LINK = re.compile(r"\]\((?![a-z]+:|#)([^)#\s]+)")


def paths(text: str) -> Iterator[str]:
    """Yield the paths in a text; one with a placeholder such as NAME is left out."""
    for match in PATH.finditer(text):
        path = match.group().rstrip("./")
        if not re.search(r"\b[A-Z]{3,}\b", path.removesuffix(".md")):
            yield path


@pytest.mark.parametrize("page", PAGES)
def test_every_path_exists(page: str) -> None:
    missing = [path for path in paths(PAGES[page]) if not list(ROOT.glob(path))]
    assert missing == []


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_to_a_file(page: str) -> None:
    folder = posixpath.dirname(page)
    links = LINK.findall(PAGES[page])
    assert [link for link in links if not (ROOT / folder / link).exists()] == []


def test_paths_are_found_in_a_text() -> None:
    text = "`ci/cli/main.py`, docs/ci.md. [a](tests/unit/), `docker/NAME/`, ci/engines/NAME.py, `.ci/run`"
    assert list(paths(text)) == ["ci/cli/main.py", "docs/ci.md", "tests/unit", ".ci/run"]
