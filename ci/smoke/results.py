"""Read the output of the probe as checks. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Any

from ci.bounded.parse import parse_json
from ci.report.check import Check, Rung, Status
from ci.smoke.ladder import PROBE_CHECK

LINE_PREFIX = "dockwright-check "
"""Begins each line of the probe that is read here; program/probe.py has the same."""
DETAIL_CHARACTERS = 4000
"""The limit of one check's detail. Its first line and its end stay."""
TAIL_LINES = 10


def parse_results(
    text: str, status: int, *, reason: str = "", tail: str = "", rung: Rung = Rung.structure
) -> tuple[Check, ...]:
    """Return the checks in the probe's output.

    `status` is its exit status, unless the output reports another. `reason` is why the engine ended it,
    `tail` the end of all that it wrote. If the probe did not finish, the check that was running (or else
    `PROBE_CHECK` on `rung`) fails with the end of the output, and blocks the planned checks without a result.
    """
    checks: list[Check] = []
    planned: dict[str, Rung] = {}
    running: tuple[str, Rung] | None = None
    finished = False
    for line in text.splitlines():
        match event := _event(line):
            case {"event": "planned", "checks": list(pairs)}:
                planned = dict(_planned(pairs))
            case {"event": "started", "name": str(name), "rung": str(word)} if word in set(Rung):
                running = name, Rung(word)
            case {"event": "died", "status": int(number)}:
                status = number
            case {"event": "ended"}:
                finished = True
            case {"event": "check"} if (check := _check(event)) is not None:
                checks.append(check)
                running = None if running and check.name == running[0] else running
            case _:
                pass
    done = {check.name for check in checks}
    if not finished:
        name, at = running or (PROBE_CHECK, rung)
        when = "" if running else f", after {checks[-1].name!r}" if checks else ", before its first check"
        lines = [line for line in (tail or text).splitlines() if not line.startswith(LINE_PREFIX)]
        ended = f"the probe was {reason}" if reason else f"the probe ended with {status}"
        detail = "\n".join([f"{ended}{when}", *lines[-TAIL_LINES:]])
        checks.append(Check(name=name, status=Status.failed, rung=at, detail=_shortened(detail)))
        checks += [
            Check(name=other, status=Status.blocked, rung=above, blocked_by=name)
            for other, above in planned.items()
            if other not in done and other != name
        ]
        return tuple(checks)
    checks += [
        Check(name=name, status=Status.failed, rung=at, detail="the probe reported no result")
        for name, at in planned.items()
        if name not in done
    ]
    if status != 0:
        detail = f"the probe ended with {status} after its last check"
        checks.append(Check(name=PROBE_CHECK, status=Status.failed, rung=rung, detail=detail))
    return tuple(checks)


def started_rung(line: str) -> str:
    """Return the rung of the check that starts with this line of the probe, empty for any other line."""
    match _event(line):
        case {"event": "started", "rung": str(rung)} if rung in set(Rung):
            return rung
        case _:
            return ""


def listing_of(text: str) -> str:
    """Return the list of files in the output of a probe, empty if it is not complete."""
    parts: list[str] = []
    for line in text.splitlines():
        match _event(line):
            case {"event": "listing", "part": str(part)}:
                parts.append(part)
            case {"event": "ended"}:
                return "".join(parts)
            case _:
                pass
    return ""


def closed_paths(text: str) -> dict[str, tuple[str, ...]]:
    """Return the paths that a probe could not read, by `uid:gid` of their owner."""
    for line in text.splitlines():
        match _event(line):
            case {"event": "closed", "paths": dict(paths)}:
                return {str(owner): tuple(map(str, below)) for owner, below in paths.items()}
            case _:
                pass
    return {}


def _planned(pairs: list[Any]) -> Iterator[tuple[str, Rung]]:
    """Yield the name and the rung of each planned check; malformed pairs are left out."""
    for pair in pairs:
        match pair:
            case [str(word), str(name)] if word in set(Rung):
                yield name, Rung(word)
            case _:
                pass


def _event(line: str) -> dict[str, Any]:
    """Return the event in a line of the probe, an empty one for any other line."""
    if not line.startswith(LINE_PREFIX):
        return {}
    try:
        value = parse_json(line.removeprefix(LINE_PREFIX), finite=False)  # a metric may be no number
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _check(value: dict[str, Any]) -> Check | None:
    """Return the check in a line, None if it is malformed."""
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
            metrics, blocked_by = value.get("metrics"), value.get("blocked_by", "")
            if not isinstance(blocked_by, str):
                return None
            return Check(
                name=name,
                status=Status(word),
                rung=Rung(rung),
                detail=_shortened(detail),
                blocked_by=blocked_by,
                seconds=float(seconds) if math.isfinite(seconds) else 0.0,
                metrics=_metrics(metrics) if isinstance(metrics, dict) else {},
            )
        case _:
            return None


def _metrics(found: dict[Any, Any]) -> dict[str, int | float | str]:
    """Return those metrics of a check that are finite numbers or texts."""
    return {
        str(name): value
        for name, value in found.items()
        if isinstance(value, str) or (isinstance(value, int | float) and math.isfinite(value))
    }


def _shortened(detail: str) -> str:
    """Return a detail of at most `DETAIL_CHARACTERS`, with its first line and its end."""
    if len(detail) <= DETAIL_CHARACTERS:
        return detail
    first, _, rest = detail.partition("\n")
    first = first[: DETAIL_CHARACTERS // 4]
    left = len(first) - DETAIL_CHARACTERS
    return f"{first}\n…\n{rest[left:] or detail[left:]}"


def failed(checks: Iterable[Check]) -> tuple[Check, ...]:
    """Return the checks that failed."""
    return tuple(check for check in checks if check.status is Status.failed)


def failures_text(image_id: str, checks: Iterable[Check], *, tagged: bool) -> str:
    """Return the message about the failed checks of `image:variant`, each with its own output.

    `tagged` says that the image has its tag already, and keeps it.
    """
    all_ = tuple(checks)
    found = failed(all_)
    consequence = "it keeps its tag" if tagged else "it is not tagged"
    lines = [f"{image_id}: {len(found)} of {len(all_)} checks failed; {consequence}:"]
    for check in found:
        first, *rest = check.detail.splitlines() or [""]
        lines.append(f"  {check.name}: {first}".rstrip())
        lines += [f"    {line}" for line in rest]
    blocked = [check.name for check in all_ if check.status is Status.blocked]
    if blocked:
        lines.append(f"  blocked, so not tested: {', '.join(blocked)}")
    return "\n".join(lines)
