"""The checks of all images: `python -m bench.smoke --root DIR [--times N] [--write]`.

DIR is the root of a store that has all images of the reference stack. All rungs but the GPU's are done once,
then the command is repeated with the ledger that this left. With `--write` the table goes into
docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.cpu_stack import newest_report
from bench.document import write_part
from bench.measure import measure, spread


def main() -> None:
    """Measure, print, and write where asked."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--root", type=Path, required=True, help="root of a store with all images")
    parser.add_argument("--times", type=int, default=5, help="how often the command is repeated")
    parser.add_argument("--write", action="store_true", help="write docs/benchmarks.md")
    options = parser.parse_args()
    text = table(options.root, options.times)
    print(text)
    if options.write:
        write_part("bench.smoke", text)


def table(root: Path, times: int) -> str:
    """Return the rows of the table."""
    env = {"DOCKWRIGHT_ROOT": str(root), "DOCKWRIGHT_PROGRESS": "plain"}
    tool = [sys.executable, "-m", "ci.cli.main", "smoke"]
    measure(tool, env)  # so that all that passes is recorded
    whole = measure([*tool, "--no-ledger"], env)
    rows = [("all rungs but the GPU's, of all images", spread([whole.seconds]), checks_text(root))]
    again = [measure(tool, env).seconds for _ in range(times)]
    rows.append(("again, with the ledger", spread(again), checks_text(root)))
    cores = f"{os.cpu_count()} cores"
    lines = [f"Measured by `python -m bench.smoke --times {times}` on {cores}; {whole.cpu_s:.0f} CPU s.", ""]
    lines += ["| what | measured | checks |", "|---|---|---|"]
    lines += [f"| {what} | {value} | {note} |" for what, value, note in rows]
    slow = slowest(newest(root, recorded=False))
    lines += ["", f"The longest checks: {', '.join(slow)}."]
    return "\n".join(lines)


def checks_text(root: Path) -> str:
    """Return the number of images and checks in the last run."""
    rows: Sequence[Mapping[str, Any]] = newest_report(root)["images"]
    checks = [check for row in rows for check in row["checks"]]
    statuses = Counter(check["status"] for check in checks)
    recorded = sum(check["recorded"] for check in checks)
    counted = ", ".join(f"{number} {status}" for status, number in sorted(statuses.items()))
    return f"{len(rows)} images: {counted}" + (f"; {recorded} of them recorded" if recorded else "")


def newest(root: Path, *, recorded: bool) -> list[tuple[float, str]]:
    """Return the seconds and names of the last run's checks that were, or were not, recorded earlier."""
    rows: Sequence[Mapping[str, Any]] = newest_report(root)["images"]
    return [
        (check["seconds"], f"{row['task']} {check['name']}")
        for row in rows
        for check in row["checks"]
        if check["recorded"] is not recorded
    ]


def slowest(checks: Sequence[tuple[float, str]]) -> list[str]:
    """Return the longest checks as text."""
    return [f"{name} {seconds:.1f} s" for seconds, name in sorted(checks, reverse=True)[:5]]


if __name__ == "__main__":
    main()
