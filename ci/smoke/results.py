"""What the probe printed, as checks. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable

from ci.smoke.check import Check, Status

MARK = "dockwright-check "
"""Begins each line of the probe that is meant for us."""
STARTED, ENDED = "started", "ended"
SHOWN = 4000


def parse_results(text: str, status: int) -> tuple[Check, ...]:
    """Return the checks in the probe's output; what did not come to its end has failed.

    `status` is the probe's exit status.
    """
    checks: list[Check] = []
    running, whole = "", False
    for line in text.splitlines():
        if not line.startswith(MARK):
            continue
        try:
            value = json.loads(line.removeprefix(MARK))
        except ValueError:
            continue
        if value.get("event") == STARTED:
            running = str(value["name"])
        elif value.get("event") == ENDED:
            whole = True
        else:
            running = ""
            checks.append(
                Check(
                    name=str(value["name"]),
                    status=Status(value["status"]),
                    detail=str(value["detail"])[:SHOWN],
                    seconds=float(value["seconds"]),
                )
            )
    if not whole:
        what = f"during {running!r}" if running else "before its first check"
        tail = "\n".join(text.splitlines()[-10:])
        checks.append(
            Check(
                name="probe",
                status=Status.failed,
                detail=f"ended with {status} {what}\n{tail}"[:SHOWN],
            )
        )
    return tuple(checks)


def failed(checks: Iterable[Check]) -> tuple[Check, ...]:
    """Return the checks that failed."""
    return tuple(check for check in checks if check.status is Status.failed)


def failures_text(image: str, checks: Iterable[Check]) -> str:
    """Return what to read about the failed checks of `image`, each with its own output."""
    found = failed(checks)
    lines = [f"{image}: {len(found)} of its checks failed, so it gets no name:"]
    for check in found:
        first, *rest = check.detail.splitlines() or [""]
        lines.append(f"  {check.name}: {first}")
        lines += [f"    {line}" for line in rest]
    return "\n".join(lines)
