"""The table of what cold runners took. Pure."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence

from bench.registry.session import Row

HEAD = ("", "runner", "seconds", "CPU seconds", "requests", "MB fetched", "MB sent")


def text(rows: Sequence[Row], titles: Mapping[str, str]) -> str:
    """Return a table in Markdown: medians, and of the seconds their range too."""
    lines = [f"| {' | '.join(HEAD)} |", f"|---|---|{'---:|' * (len(HEAD) - 2)}"]
    for scenario in dict.fromkeys(row.scenario for row in rows):
        for runner in titles:
            own = [row for row in rows if (row.scenario, row.runner) == (scenario, runner)]
            if own:
                lines.append(f"| {scenario} | ({runner}) | {' | '.join(cells(own))} |")
    legend = "; ".join(f"({name}) {title}" for name, title in titles.items())
    return "\n".join([*lines, "", f"{legend}."])


def cells(rows: Sequence[Row]) -> tuple[str, ...]:
    """Return the cells of one runner in one scenario."""
    failed = [row for row in rows if row.error]
    if failed:
        return (f"failed ({len(failed)} of {len(rows)})", *("",) * 4)
    seconds = sorted(row.seconds for row in rows)
    spread = f" ({seconds[0]:.1f} to {seconds[-1]:.1f})" if len(rows) > 1 else " (once)"
    return (
        f"{statistics.median(seconds):.1f}{spread}",
        f"{statistics.median(row.cpu_s for row in rows):.1f}",
        f"{statistics.median(row.requests for row in rows):.0f}",
        f"{statistics.median(row.fetched for row in rows) / 1e6:.1f}",
        f"{statistics.median(row.sent for row in rows) / 1e6:.1f}",
    )
