"""What pyproject.toml says about the layers of the code, held against the modules themselves."""

import ast
import re
import tomllib
from pathlib import Path

import ci

ROOT = Path(ci.__file__).parents[1]
PURE = re.compile(r"\bpure\b", re.IGNORECASE)
QUALIFIED = {
    "ci.engines.buildah.containers": "pure but for new names: it chooses them by chance",
    "ci.registry.retry": "pure but for its budget, which it counts down",
}
"""Modules that are pure with an exception, which their first line names."""


def modules() -> dict[str, str]:
    """Return the first paragraph of the docstring of every module."""
    found = {}
    for path in sorted((ROOT / "ci").rglob("*.py")):
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        text = ast.get_docstring(ast.parse(path.read_text())) or ""
        found[name] = text.split("\n\n")[0]
    return found


def contract() -> set[str]:
    """Return the modules and packages that import-linter holds to be pure."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    contracts = settings["tool"]["importlinter"]["contracts"]
    (pure,) = [one for one in contracts if one["name"].startswith("what decides is pure")]
    return set(pure["source_modules"])


def test_import_linter_holds_every_module_that_says_it_is_pure_and_no_other() -> None:
    texts, listed = modules(), contract()
    packages = {name for name in listed if (ROOT / name.replace(".", "/")).is_dir()}
    of_package = {name for name in texts for package in packages if name.startswith(f"{package}.")}
    saying = {name for name, text in texts.items() if PURE.search(text)}
    assert saying - of_package - QUALIFIED.keys() == listed
    assert all("but for" in texts[name] for name in QUALIFIED)
