"""What the probe printed, as checks. Pure."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator
from typing import Any

from ci.report.check import Check, Rung, Status
from ci.smoke.ladder import WHOLE

MARK = "dockwright-check "
"""Begins each line of the probe that is meant for us; program/probe.py has the same."""
SHOWN = 4000
"""Characters of one check's detail that are kept, the last ones."""
TAIL_LINES = 10


def parse_results(
    text: str, status: int, *, why: str = "", tail: str = "", rung: Rung = Rung.structure
) -> tuple[Check, ...]:
    """Return the checks in the probe's output; `status` is its exit status, unless it tells another.

    `why` says why the probe was ended from outside, `tail` is the end of all that it wrote. Where it did not
    come to its end, the check that was running (`WHOLE` when none was, of the rung `rung`) has failed with
    the end of the output, and those that it had planned and not begun are blocked by that one.
    """
    checks: list[Check] = []
    planned: dict[str, Rung] = {}
    running: tuple[str, Rung] | None = None
    whole = False
    for line in text.splitlines():
        match event := _event(line):
            case {"event": "planned", "checks": list(pairs)}:
                planned = dict(_planned(pairs))
            case {"event": "started", "name": str(name), "rung": str(word)} if word in set(Rung):
                running = name, Rung(word)
            case {"event": "died", "status": int(number)}:
                status = number
            case {"event": "ended"}:
                whole = True
            case {"event": "check"} if (check := _check(event)) is not None:
                checks.append(check)
                running = None if running and check.name == running[0] else running
            case _:
                pass
    done = {check.name for check in checks}
    if not whole:
        blocking_check, at = running or (WHOLE, rung)
        when = "" if running else f", after {checks[-1].name!r}" if checks else ", before its first check"
        said = [line for line in (tail or text).splitlines() if not line.startswith(MARK)][-TAIL_LINES:]
        ended = f"the probe was {why}" if why else f"the probe ended with {status}"
        detail = "\n".join([f"{ended}{when}", *said])
        checks.append(Check(name=blocking_check, status=Status.failed, rung=at, detail=_cut(detail)))
        checks += [
            Check(name=name, status=Status.blocked, rung=above, detail=f"by {blocking_check!r}")
            for name, above in planned.items()
            if name not in done and name != blocking_check
        ]
        return tuple(checks)
    silent = {name: at for name, at in planned.items() if name not in done}
    checks += [
        Check(name=name, status=Status.failed, rung=at, detail="the probe told no result")
        for name, at in silent.items()
    ]
    if status != 0:
        detail = f"the probe ended with {status} after its last check"
        checks.append(Check(name=WHOLE, status=Status.failed, rung=rung, detail=detail))
    return tuple(checks)


def _planned(pairs: list[Any]) -> Iterator[tuple[str, Rung]]:
    """Yield the name and the rung of each planned check; what has not that form is left out."""
    for pair in pairs:
        match pair:
            case [str(word), str(name)] if word in set(Rung):
                yield name, Rung(word)
            case _:
                pass


def _event(line: str) -> dict[str, Any]:
    """Return what a line of the probe says, nothing for any other line."""
    if not line.startswith(MARK):
        return {}
    try:
        value = json.loads(line.removeprefix(MARK))
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _check(value: dict[str, Any]) -> Check | None:
    """Return the check in a line, None when it has not the form of one."""
    match value:
        case {
            "name": str(name),
            "rung": str(rung),
            "status": str(word),
            "detail": str(detail),
            "seconds": float() | int() as seconds,
        }:
            if word not in set(Status) or rung not in set(Rung):
                return None
            figures = value.get("figures")
            return Check(
                name=name,
                status=Status(word),
                rung=Rung(rung),
                detail=_cut(detail),
                seconds=float(seconds) if math.isfinite(seconds) else 0.0,
                figures=_figures(figures) if isinstance(figures, dict) else {},
            )
        case _:
            return None


def _figures(found: dict[Any, Any]) -> dict[str, int | float | str]:
    """Return what is a number or a word of the figures that a check told."""
    return {
        str(name): value
        for name, value in found.items()
        if isinstance(value, str) or (isinstance(value, int | float) and math.isfinite(value))
    }


def _cut(detail: str) -> str:
    """Return a detail with its first line and as much of its end as is shown."""
    if len(detail) <= SHOWN:
        return detail
    first, _, rest = detail.partition("\n")
    first = first[: SHOWN // 4]
    return f"{first}\n…\n{rest[len(first) - SHOWN :] or detail[len(first) - SHOWN :]}"


def failed(checks: Iterable[Check]) -> tuple[Check, ...]:
    """Return the checks that failed."""
    return tuple(check for check in checks if check.status is Status.failed)


def failures_text(image_id: str, checks: Iterable[Check], *, named: bool) -> str:
    """Return what to read about the failed checks of `image:variant`, each with its own output.

    `named` says that it has its names already, and keeps them.
    """
    all_ = tuple(checks)
    wrong = failed(all_)
    so = "; it keeps its name:" if named else ", so it gets no name:"
    lines = [f"{image_id}: {len(wrong)} of its {len(all_)} checks failed{so}"]
    for check in wrong:
        first, *rest = check.detail.splitlines() or [""]
        lines.append(f"  {check.name}: {first}".rstrip())
        lines += [f"    {line}" for line in rest]
    blocked = [check.name for check in all_ if check.status is Status.blocked]
    if blocked:
        lines.append(f"  blocked, so not known: {', '.join(blocked)}")
    return "\n".join(lines)
