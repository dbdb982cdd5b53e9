"""A Python for uv that says what it is and runs nothing: resolving a lock runs no code of a distribution.

uv asks an interpreter for its version and paths once, and keeps the answer. What it runs later is the
`setup.py` or the build backend of an sdist. So this interpreter answers until it is sealed, and refuses from
then on; it names itself as the base of every environment that uv makes of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from shlex import quote

from ci.locks.child import run

REFUSED = "dockwright: lock runs no code of a distribution"
ANSWERS_S = 60.0
RENAME = """
import json, sys
def renamed(key, value):
    if isinstance(value, dict):
        return {name: renamed(name, one) for name, one in value.items()}
    return sys.argv[1] if key.endswith("executable") else value
print(json.dumps(renamed("", json.load(sys.stdin))))
"""
"""Replaces the interpreter by the one in the arguments, in what uv's question is answered with."""


def sealed_python(folder: Path, program: str, python: str, environment: Mapping[str, str]) -> str:
    """Return the path of a sealed interpreter of version `python` in the new folder `folder`.

    `program` is uv, and `environment` that of its later calls.

    Raises:
        CommandError: there is no such Python, or uv does not take it.
    """
    folder.mkdir()
    found = run((program, "python", "find", python), environment, timeout_s=ANSWERS_S).strip()
    stub, seal = folder / f"python{python}", folder / "sealed"
    stub.write_text(
        "#!/bin/sh\n"
        f"if [ -e {quote(str(seal))} ]; then echo {quote(REFUSED)} >&2; exit 97; fi\n"
        f'answer=$({quote(found)} "$@") || exit\n'
        f"printf '%s' \"$answer\" | {quote(found)} -I -c {quote(RENAME)} {quote(str(stub))}\n"
    )
    stub.chmod(0o755)
    run((program, "python", "find", str(stub)), environment, timeout_s=ANSWERS_S)
    seal.touch()
    return str(stub)
