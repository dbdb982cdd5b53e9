"""A chain of calls as text that a reviewer reads: one call a line, what is made beside it indented."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from tests.dagger.session import Call


def outline(calls: list[Call], named: Mapping[str, list[Call]]) -> str:
    """Return `calls` as text; a chain of `named` is called by its name."""
    return "".join(f"{line}\n" for line in _lines(calls, named, []))


def _lines(calls: list[Call], named: Mapping[str, list[Call]], before: list[Call]) -> list[str]:
    """Return the lines of `calls`, of which `before` has been told."""
    known = [(len(chain), f"({name})") for name, chain in named.items() if calls[: len(chain)] == chain]
    if before and calls[: len(before)] == before:
        known.append((len(before), "(from here)"))
    start, name = max(known, default=(0, ""))
    lines = [name] if name else []
    for index in range(start, len(calls)):
        field, arguments = calls[index]
        objects = {key: value for key, value in arguments.items() if _is_chain(value)}
        plain = {key: value for key, value in arguments.items() if key not in objects}
        if "permissions" in plain:
            plain["permissions"] = f"{plain['permissions']:04o}"
        lines.append(f"{field} {json.dumps(plain, ensure_ascii=False)}" if plain else field)
        for key, value in objects.items():
            made = _lines(value, named, calls[:index])
            if len(made) <= 2 and made[0].startswith("("):
                lines[-1] += f" {key}={' '.join(made)}"
            else:
                lines += [f"    {key}:", *(f"        {line}" for line in made)]
    return lines


def _is_chain(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], tuple)
