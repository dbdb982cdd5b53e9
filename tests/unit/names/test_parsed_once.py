"""Image ids, digests, references and hosts are taken apart in ci/names alone."""

import ast
from pathlib import Path

import ci

CODE = Path(ci.__file__).parent
CUTS = {"partition", "rpartition", "split", "rsplit"}
MARKS = {":", "@", "/", "outside:"}
DIGEST = "sha256"
OTHER_TEXTS = {
    "catalog/image_rules.py": "a path in an image, and the folders of PATH",
    "catalog/lockfile.py": "a path in Debian's archive",
    "catalog/names.py": "a path in an image, and the components of a namespace",
    "catalog/stack.py": "a path in Debian's archive",
    "cli/commands.py": "MODULE:ATTRIBUTE of a command",
    "cli/doctor/inspection.py": "a row of /etc/subuid",
    "engines/dagger/containers.py": "USER:PASSWORD of an authentication file",
    "engines/dagger/reach.py": "the user part of a URL's host",
    "engines/program/sandbox.py": "a program of the standard library alone: paths, and rows of /etc/passwd",
    "engines/program/store_state.py": "a program of the standard library alone",
    "locks/apt_text.py": "a row of apt's output",
    "locks/resolution.py": "the last part of a URL",
    "locks/sdist_metadata.py": "a heading of setuptools' requires.txt",
    "redaction.py": "the user and the password of URLs",
    "registry/credentials.py": "USER:PASSWORD of an authentication file",
    "run/budget/reference_benchmark.py": "a row of /proc/cpuinfo",
    "smoke/structure.py": "folders of PATH",
    "wheelhouse/program/client.py": "a program of the standard library alone: the user part of a URL's host",
    "wheelhouse/program/index.py": "a program of the standard library alone: URLs",
    "wheelhouse/program/index_page.py": "a program of the standard library alone: URLs",
    "wheelhouse/program/wheel_contents.py": "a program of the standard library alone: paths in a wheel",
    "wheelhouse/program/package_folder.py": "a program of the standard library alone: a relative path",
}
"""By file, what it takes apart that is none of these."""
PROBE = "smoke/program/"
"""Runs in an image, with the standard library alone; no image id or reference reaches it."""


def cuts(path: Path) -> list[str]:
    """Return where a module cuts a text at one of `MARKS`, or at a digest's algorithm."""
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args:
            first = node.args[0].value if isinstance(node.args[0], ast.Constant) else None
            at_mark = node.func.attr in CUTS and first in MARKS
            of_prefix = node.func.attr in ("removeprefix", "startswith") and isinstance(first, str)
            if at_mark or (of_prefix and str(first).startswith((DIGEST, "outside:"))):
                found.append(f"{path.relative_to(CODE).as_posix()}:{node.lineno}")
    return found


def test_no_other_module_takes_ids_digests_references_or_hosts_apart() -> None:
    modules = {path.relative_to(CODE).as_posix(): path for path in CODE.rglob("*.py")}
    cutting = {name: found for name, path in modules.items() if (found := cuts(path))}
    own = {name for name in cutting if name.startswith("names/")}
    probe = {name for name in cutting if name.startswith(PROBE)}
    assert {name: cutting[name] for name in cutting.keys() - own - probe - OTHER_TEXTS.keys()} == {}
    assert OTHER_TEXTS.keys() <= cutting.keys(), "these cut nothing any more"
