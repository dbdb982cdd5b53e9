"""The version of Python that a base has, as far as its suite or its tag says it. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable

from ci.catalog.stack import ExternalBase, Stack
from ci.catalog.validation_errors import Invalid, ValidationErrors
from ci.names.reference import Reference

PYTHON_OF = {"buster": "3.7", "bullseye": "3.9", "bookworm": "3.11", "trixie": "3.13"}
"""The version of Debian's python3. Source: packages.debian.org/python3."""
LEADING = re.compile(r"v?(3\.[0-9]+)(?![0-9])")
NAMED = re.compile(r"(?:^|[._-])py(?:thon)?-?(3\.[0-9]+)(?![0-9])")


def check_base(errors: ValidationErrors, file: str, stack: Stack, kind: str) -> None:
    """Add an error if the base of this resolved kind has another Python than the stack in `file` says."""
    if kind == "bootstrap":
        error = suite_error(stack.python, stack.bootstrap.suite)
    else:
        error = tag_error(stack.python, stack.external_roots)
    if error is not None:
        errors.add(file, "python", *error)


def suite_error(python: str, suite: str) -> Invalid | None:
    """Check the Python of a stack against that of a Debian suite, where that is known."""
    found = PYTHON_OF.get(suite, python)
    if found == python:
        return None
    return (
        f"{python}, but the bootstrap base has Python {found} of {suite}",
        f'set python = "{found}", another suite, or another base: base = "registry", or `--base registry`',
    )


def tag_error(python: str, bases: Iterable[ExternalBase]) -> Invalid | None:
    """Check the Python of a stack against that of external base images, where their tags say it."""
    for base in bases:
        found = tag_python(base)
        if found not in ("", python):
            return (
                f"{python}, but the external base '{base.name}' has Python {found}: its tag is {base.tag}",
                f'set python = "{found}", or set another tag in bases.lock.toml, and run `dockwright lock`',
            )
    return None


def tag_python(base: ExternalBase) -> str:
    """Return the version of Python that a tag says, such as 3.11; empty where it says none.

    A leading version counts in a repository named python alone: that of others is their own.
    """
    found = NAMED.search(base.tag)
    if found is None and Reference(repository=base.reference).name == "python":
        found = LEADING.match(base.tag)
    return found[1] if found is not None else ""
