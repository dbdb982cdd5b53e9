"""Make pages of the files in the repository's root, and fill folders into the navigation.

MkDocs calls the functions named `on_…`; mkdocs.yml names this file.

Links in the files are relative to the file, as GitHub needs them. `with_site_links` turns those that lead
out of docs/, or into it from the root, into links between pages of the site.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[1]
ROOT_PAGES = {"README.md": "index.md", "CONTRIBUTING.md": "contributing.md", "CHANGELOG.md": "changelog.md"}
"""Files of the repository's root, and the pages that they become."""
LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^()\s]+)\)")


def site_link(source: str, target: str) -> str | None:
    """Return the link from the page of `source` to that of `target`, or None if `target` is not a page.

    Both are paths from the repository's root. A folder is linked by its `index.md`.
    """
    if (ROOT / target).is_dir():
        target = f"{target}/index.md"
    if not (target in ROOT_PAGES or (target.startswith("docs/") and (ROOT / target).exists())):
        return None
    return posixpath.relpath(_page(target), posixpath.dirname(_page(source)) or ".")


def _page(path: str) -> str:
    return ROOT_PAGES.get(path, path.removeprefix("docs/"))


def with_site_links(source: str, text: str) -> str:
    """Return the Markdown `text` of the file `source` with links between pages of the site.

    A link to a file that is not a page, such as LICENSE, becomes its text. A link to a missing file stays,
    and MkDocs reports it.
    """

    def replaced(match: re.Match[str]) -> str:
        mark, label, target = match.groups()
        path, hash_, anchor = target.partition("#")
        if not path or re.match(r"[a-z]+:", path):
            return match.group()
        found = posixpath.normpath(posixpath.join(posixpath.dirname(source), path))
        if not (ROOT / found).exists():
            return match.group()
        link = site_link(source, found)
        return f"{mark}[{label}]({link}{hash_}{anchor})" if link else label

    return LINK.sub(replaced, text)


def titles(folder: Path) -> list[dict[str, Any]]:
    """Return navigation entries for the pages of `folder`: `index.md`, then the pages in its order.

    Pages that `index.md` links below a heading `## …` form a group of that name.
    """
    left = {path.name: path for path in sorted(folder.glob("*.md"))}
    index = left.pop("index.md", None)
    entries: list[dict[str, Any]] = [_entry(index)] if index else []
    text = index.read_text(encoding="utf-8") if index else ""
    for heading, part in re.findall(r"(?:^## (.*)\n|\A)((?:(?!## ).*\n?)*)", text, re.MULTILINE):
        names = [name for name in dict.fromkeys(re.findall(r"\]\(([^)]+)\)", part)) if name in left]
        group = [_entry(left.pop(name)) for name in names]
        if group:
            entries += [{heading: group}] if heading else group
    return entries + [_entry(path) for path in left.values()]


def _entry(path: Path) -> dict[str, Any]:
    return {_title(path): f"{path.parent.name}/{path.name}"}


def _title(path: Path) -> str:
    if path.name == "index.md":
        return "Overview"
    heading = next(line for line in path.read_text(encoding="utf-8").splitlines() if line.startswith("# "))
    return heading.removeprefix("# ").replace("`", "").removeprefix("dockwright ")


def filled(nav: Sequence[Any], docs: Path) -> list[Any]:
    """Return the navigation with each folder, named by a path that ends with `/`, replaced by its pages."""
    entries: list[Any] = []
    for entry in nav:
        ((name, value),) = entry.items()
        if isinstance(value, list):
            value = filled(value, docs)
        elif value.endswith("/"):
            value = titles(docs / value)
        if value:
            entries.append({name: value})
    return entries


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Fill in the folders of the navigation."""
    config.nav = filled(config.nav or [], Path(config.docs_dir))
    return config


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    """Add the pages of the repository's root."""
    for source, page in ROOT_PAGES.items():
        text = (ROOT / source).read_text(encoding="utf-8")
        files.append(File.generated(config, page, content=with_site_links(source, text)))
    return files


def on_page_markdown(markdown: str, *, page: Page, **_: object) -> str:
    """Turn links that lead out of docs/ into links between pages."""
    source = f"docs/{page.file.src_uri}"
    return markdown if page.file.src_uri in ROOT_PAGES.values() else with_site_links(source, markdown)
