"""docs/architecture.md has the folders and the layers of the code."""

from __future__ import annotations

import re
import tomllib

from tests.unit.docs.pages import PAGES, ROOT

PAGE = PAGES["docs/architecture.md"]


def test_every_folder_has_a_line_and_no_other_has_one() -> None:
    named = re.findall(r"^\| `(ci/[\w/]*)` \|", PAGE, re.MULTILINE)
    folders = [path.parent for path in (ROOT / "ci").rglob("__init__.py")]
    assert named == sorted(f"{path.relative_to(ROOT)}/" for path in folders)


def test_the_layers_are_those_that_are_checked() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    whole, run, *_ = settings["tool"]["importlinter"]["contracts"]
    drawn = []
    for layer in whole["layers"]:
        drawn += [layer, *(f"    {inner}" for inner in run["layers"])] if layer == "ci.run" else [layer]
    assert "```\n" + "\n".join(drawn) + "\n```\n" in PAGE
