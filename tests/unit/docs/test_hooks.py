"""docs/hooks.py turns links that GitHub understands into links between pages of the site."""

from __future__ import annotations

from pathlib import Path

import pytest

from docs.hooks import filled, titles, with_site_links


@pytest.mark.parametrize(
    ("source", "written", "on_the_site"),
    [
        ("README.md", "[a](docs/ci.md#disk)", "[a](ci.md#disk)"),
        ("README.md", "[a](CONTRIBUTING.md)", "[a](contributing.md)"),
        ("README.md", "![a](docs/assets/site.css)", "![a](assets/site.css)"),
        ("README.md", "[LICENSE](LICENSE)", "LICENSE"),
        ("README.md", "[a](https://example.org/docs/x.md)", "[a](https://example.org/docs/x.md)"),
        ("README.md", "[a](docs/missing.md)", "[a](docs/missing.md)"),
        ("docs/ci.md", "[a](../README.md#limits)", "[a](index.md#limits)"),
        ("docs/ci.md", "[a](concepts.md)", "[a](concepts.md)"),
        ("docs/ci.md", "[a](#disk)", "[a](#disk)"),
        ("docs/ci.md", "see [`stack.toml`](../docker/stack.toml), there", "see `stack.toml`, there"),
        ("docs/decisions/0001.md", "[a](../../CONTRIBUTING.md#tests)", "[a](../contributing.md#tests)"),
    ],
)
def test_links_lead_to_pages_of_the_site(source: str, written: str, on_the_site: str) -> None:
    assert with_site_links(source, written) == on_the_site


def test_a_folder_of_the_navigation_becomes_its_pages_with_the_overview_first(tmp_path: Path) -> None:
    (tmp_path / "reference").mkdir()
    for name, heading in (("build.md", "`build`"), ("index.md", "All commands"), ("gc.md", "gc")):
        (tmp_path / "reference" / name).write_text(f"# {heading}\n")
    nav = [{"Start": "index.md"}, {"Reference": "reference/"}, {"Decisions": "decisions/"}]
    assert filled(nav, tmp_path) == [
        {"Start": "index.md"},
        {
            "Reference": [
                {"Overview": "reference/index.md"},
                {"build": "reference/build.md"},
                {"gc": "reference/gc.md"},
            ]
        },
    ]


def test_pages_of_a_folder_stand_in_the_order_of_the_links_on_its_overview(tmp_path: Path) -> None:
    for name in ("a", "b", "c", "d"):
        (tmp_path / f"{name}.md").write_text(f"# {name}\n")
    (tmp_path / "index.md").write_text("# All\n\n[`c`](c.md), [`a`](a.md), [c](c.md)\n")
    assert [next(iter(entry)) for entry in titles(tmp_path)] == ["Overview", "c", "a", "b", "d"]


def test_pages_below_a_heading_of_the_overview_form_a_group(tmp_path: Path) -> None:
    for name in ("a", "b", "c", "d"):
        (tmp_path / f"{name}.md").write_text(f"# {name}\n")
    (tmp_path / "index.md").write_text("# All\n\n[a](a.md)\n\n## Two\n\n[c](c.md)\n[b](b.md)\n\n## None\n")
    folder = tmp_path.name
    assert titles(tmp_path) == [
        {"Overview": f"{folder}/index.md"},
        {"a": f"{folder}/a.md"},
        {"Two": [{"c": f"{folder}/c.md"}, {"b": f"{folder}/b.md"}]},
        {"d": f"{folder}/d.md"},
    ]
