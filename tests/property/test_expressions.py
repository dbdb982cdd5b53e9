"""No regular expression takes longer than the square of its text: they read what others wrote."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = r"""
import importlib, pkgutil, re, resource, sys
resource.setrlimit(resource.RLIMIT_CPU, (150, 150))
import ci
SIGNS = [" ", "a", "0", ".", "-", "_", "/", ":", "=", ",", "'", '"', "[", "(", "<", "`", "#", "\\", "\x1b[0"]
SIGNS += ["a.", "a-", "a/", "a ", " ,", "0.", "<a"]
OF_A_STACK = ("ci.catalog", "ci.names", "ci.locks")
found = {}
for module in pkgutil.walk_packages(ci.__path__, "ci."):
    if module.name.endswith("__main__") or ".main" in module.name:
        continue
    try:
        loaded = importlib.import_module(module.name)
    except ImportError:
        continue
    for name, value in vars(loaded).items():
        for one in value if isinstance(value, (tuple, list)) else [value]:
            if isinstance(one, re.Pattern):
                found[one.pattern] = (f"{module.name}.{name}", one)
for where, pattern in found.values():
    print(where, flush=True)
    length = 2000 if where.startswith(OF_A_STACK) else 300
    for text in (start + sign * length + "!" for start in ("", "a", "a ", "[") for sign in SIGNS):
        given = text.encode() if isinstance(pattern.pattern, bytes) else text
        pattern.fullmatch(given), pattern.search(given)
print(len(found), "expressions")
"""


def test_no_expression_hangs_on_a_repeated_sign() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False)
    last = done.stdout.splitlines()[-1:]
    assert (done.returncode, done.stderr) == (0, ""), last
    assert last == [f"{len(done.stdout.splitlines()) - 1} expressions"]
    assert "ci.catalog.requirements._COMMENT" in done.stdout
