"""The CPU half of the reference stack: `python -m bench.cpu_stack [--root DIR] [--times N] [--write]`.

Builds it from nothing in a store of its own, then again with nothing changed and with one program changed, on
a copy of the checkout. With `--write` the table goes into docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from bench.document import write_part
from bench.measure import measure, spread

CHECKOUT = Path(__file__).parent.parent
STAGE = "subtitle-gen"


def main() -> None:
    """Measure, print, and write where asked."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--root", type=Path, help="root of the store; default: a new temporary folder")
    parser.add_argument("--times", type=int, default=5, help="how often the short ones are run")
    parser.add_argument(
        "--warm", action="store_true", help="--root holds the images already: no build from nothing"
    )
    parser.add_argument("--write", action="store_true", help="write docs/benchmarks.md")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="dockwright-bench-", dir="/var/tmp"))
    try:
        text = table(options.root or folder / "root", folder / "stack", options.times, warm=options.warm)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(text)
    if options.write:
        write_part("bench.cpu_stack", text)


def table(root: Path, stack: Path, times: int, *, warm: bool) -> str:
    """Return the rows of the table."""
    shutil.copytree(CHECKOUT / "docker", stack, symlinks=True)
    env = {"DOCKWRIGHT_ROOT": str(root), "DOCKWRIGHT_STACK": str(stack), "DOCKWRIGHT_PROGRESS": "plain"}
    tool = [sys.executable, "-m", "ci.cli.main"]
    build = [*tool, "build-all", "--variant", "cpu"]
    rows = []
    cold = measure(build, env)
    if not warm:
        built = sum(row["action"] == "built" for row in newest_report(root)["images"])
        note = f"{built} images built, {cold.cpu_s:.0f} CPU s"
        rows.append(("CPU variants from nothing", spread([cold.seconds]), note))
    plans = [measure([*tool, "plan"], env).seconds for _ in range(times)]
    rows.append(("`plan` of all 22 variants", spread(plans), ""))
    nothing = [measure(build, env).seconds for _ in range(times)]
    reused = sum(row["action"] == "reused" for row in newest_report(root)["images"])
    rows.append(("`build-all`, nothing changed", spread(nothing), f"{reused} images reused"))
    changed, names = [], set()
    for number in range(times):
        with (stack / STAGE / f"{STAGE}.py").open("a") as program:
            program.write(f"\n# change {number}\n")
        changed.append(measure(build, env).seconds)
        names |= {row["task"] for row in newest_report(root)["images"] if row["action"] == "built"}
    rows.append(
        (
            "`build-all`, one program changed, its checks included",
            spread(changed),
            f"built: {', '.join(sorted(names))}",
        )
    )
    peak = peak_mb([*tool, "build", STAGE, "--rebuild"], env)
    note = f"peak of `build {STAGE} --rebuild`"
    rows.append(("dockwright's own memory, its children not counted", f"{peak:.0f} MB", note))
    size = sum(layer for layer in layers(root).values()) / 1e6
    rows.append(("all images in the store, shared layers counted once", f"{size:.0f} MB", "unpacked"))
    machine = (
        f"{os.cpu_count()} cores, {os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB"
    )
    lines = [f"Measured by `python -m bench.cpu_stack{' --warm' * warm} --times {times}` on {machine}.", ""]
    lines += ["| what | measured | note |", "|---|---|---|"]
    lines += [f"| {what} | {value} | {note} |" for what, value, note in rows]
    return "\n".join(lines)


def newest_report(root: Path) -> dict[str, list[dict[str, str]]]:
    """Return the report of the last run under `root`."""
    runs = sorted((root / "state/runs").iterdir(), key=lambda path: path.stat().st_mtime_ns)
    value: dict[str, list[dict[str, str]]] = json.loads((runs[-1] / "report.json").read_text())
    return value


def layers(root: Path) -> dict[str, int]:
    """Return the bytes of every layer that the recorded images have, by digest."""
    found: dict[str, int] = {}
    for record in (root / "state/images").rglob("k-*.json"):
        found |= dict(json.loads(record.read_text())["layers"])
    return found


def peak_mb(argv: list[str], env: dict[str, str]) -> float:
    """Return the peak resident memory of the command's own process in MB.

    Source: proc(5), VmHWM of /proc/PID/status.
    """
    process = subprocess.Popen(
        argv, env={**os.environ, **env}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    peak = 0.0
    while process.poll() is None:
        try:
            status = Path(f"/proc/{process.pid}/status").read_text()
        except OSError:
            break
        found = re.search(r"VmHWM:\s+(\d+) kB", status)
        peak = max(peak, float(found[1]) / 1000 if found else 0.0)
        try:
            process.wait(timeout=0.2)
        except subprocess.TimeoutExpired:
            continue
    if process.wait() != 0:
        raise SystemExit(f"{' '.join(argv)} ended with {process.returncode}")
    return peak


if __name__ == "__main__":
    main()
