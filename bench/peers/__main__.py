"""`python -m bench.peers [--scope cpu|all|IMAGE…] [--scenarios …] [--times N] [--write] [--resume]`.

Builds the same images (a) by dockwright, (b) by plain Dockerfiles written in the ordinary way, (c) from the
rendered Dockerfiles by BuildKit, and prints a table of what each took. What is measured, and how, stands in
docs/benchmarks.md, where `--write` puts the table.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import platform
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.document import write_part
from bench.peers.by_buildkit import ByBuildkit
from bench.peers.daemon import CLIENT
from bench.peers.folder import CHECKOUT, lay_stack
from bench.peers.results import Results, read_results
from bench.peers.scope import SCENARIOS, scope
from bench.peers.session import Session, say
from bench.peers.table import text
from bench.peers.ways import make_ways
from ci.catalog.load import load_stack

NAMES = tuple(scenario.name for scenario in SCENARIOS)


def main() -> None:
    """Measure, print, and write where asked."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.peers",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--scope", nargs="+", default=["cpu"], help="all, a variant, or images (default: cpu)"
    )
    parser.add_argument(
        "--scenarios", nargs="+", choices=NAMES, default=NAMES[:-1], help="default: all but the last"
    )
    parser.add_argument(
        "--ways", nargs="+", choices=("a", "b", "c"), default=("a", "b", "c"), help="default: all"
    )
    parser.add_argument("--times", type=int, default=3, help="rounds of the short scenarios")
    parser.add_argument(
        "--root", type=Path, default=Path("/var/tmp/dockwright-peers"), help="where all is kept"
    )
    parser.add_argument(
        "--keep-free", type=float, default=8.0, metavar="GB", help="end what leaves less disk"
    )
    parser.add_argument(
        "--resume", action="store_true", help="go on with the results and stores below --root"
    )
    parser.add_argument("--keep", action="store_true", help="leave the stores below --root when all is done")
    parser.add_argument("--write", action="store_true", help="write docs/benchmarks.md")
    options = parser.parse_args()
    ids = scope(load_stack(CHECKOUT / "docker"), options.scope)
    root = options.root.absolute()
    with held(root):
        results = measured(root, ids, options)
    words = f"--scope {' '.join(options.scope)} --times {options.times}"
    shown = f"{head(results, words)}\n\n{text(results)}"
    print(shown)
    if options.write:
        write_part("bench.peers", shown)


@contextmanager
def held(root: Path) -> Iterator[None]:
    """Hold the folder `root`, which two runs must not share.

    Raises:
        SystemExit: another run holds it.
    """
    root.mkdir(parents=True, exist_ok=True)
    with (root / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise SystemExit(f"{root}: another run of the bench is at work there") from error
        yield


def measured(root: Path, ids: tuple[str, ...], options: argparse.Namespace) -> Results:
    """Return the results for the images `ids`, the missing ones measured now."""
    path = root / "results.json"
    if options.resume:
        results = read_results(path, ids)
    else:
        if path.exists():
            raise SystemExit(f"{path} is there already: --resume goes on with it; else remove {root}")
        results = Results(path=path, scope=ids, facts=facts())
        results.write()
    lay_stack(root / "stack")
    ways = make_ways(root, options.ways)
    floor = round(options.keep_free * 1e9)
    session = Session(root=root, results=results, floor_bytes=floor, rounds=options.times, ways=ways)
    try:
        session.run([scenario for scenario in SCENARIOS if scenario.name in options.scenarios])
        if not options.keep:
            say("stores removed")
            for way in ways.values():
                way.clear()
    finally:
        for way in ways.values():
            if isinstance(way, ByBuildkit):
                way.stop()
    return results


def facts() -> dict[str, str]:
    """Return what this machine is."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "machine": f"{os.cpu_count()} cores, {memory:.0f} GiB, Linux {platform.release()}",
        "buildah": said("buildah", "--version"),
        "docker": said(CLIENT, "--version"),
    }


def said(*argv: str) -> str:
    """Return the first three words of what a command says of its version."""
    try:
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
    except OSError:
        return "not there"
    return " ".join(done.stdout.split()[:3]).rstrip(",")


def head(results: Results, words: str) -> str:
    """Return the sentence above the tables."""
    machine, *programs = results.facts.values()
    command = f"python -m bench.peers {words}"
    return f"Measured by `{command}` on {machine}; {', '.join(programs)}; {len(results.scope)} images."


if __name__ == "__main__":
    main()
