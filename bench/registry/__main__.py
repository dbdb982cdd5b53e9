"""`python -m bench.registry [--images IMAGE…] [--times N] [--root DIR] [--write]`.

What a runner with an empty store costs when a registry has the images of the commit before: (a) by
dockwright, (b) plain Dockerfiles by Buildah with `--cache-from` and `--cache-to`, (c) the rendered
Dockerfiles by BuildKit with inline caches. The registry is Debian's docker-registry on loopback behind a
proxy that counts. `--write` puts the table into docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from bench.document import write_part
from bench.peers.__main__ import facts, held
from bench.peers.by_buildkit import ByBuildkit
from bench.peers.by_dockerfile import ByDockerfile
from bench.peers.by_dockwright import ByDockwright
from bench.peers.folder import CHECKOUT, lay_stack
from bench.peers.scope import BASE_IMAGES, scope
from bench.peers.start import houses_of, make_start
from bench.registry.runners import Dockwright, buildah, buildkit
from bench.registry.session import Session
from bench.registry.table import text
from ci.catalog.load import load_stack
from tests.registry.proxy import proxied
from tests.registry.server import registry


def main() -> None:
    """Measure, print, and write where asked."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.registry",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--images", nargs="+", default=list(BASE_IMAGES), help="what they stand on comes along"
    )
    parser.add_argument("--times", type=int, default=3, help="rounds")
    parser.add_argument(
        "--root", type=Path, default=Path("/var/tmp/dockwright-registry"), help="where all is kept meanwhile"
    )
    parser.add_argument("--write", action="store_true", help="write docs/benchmarks.md")
    options = parser.parse_args()
    root = options.root.absolute()
    with held(root):
        ids = scope(load_stack(CHECKOUT / "docker"), options.images)
        table = measured(root, ids, options.times)
    machine, *programs = facts().values()
    words = f"--images {' '.join(options.images)} --times {options.times}"
    shown = (
        f"Measured by `python -m bench.registry {words}` on {machine}; {', '.join(programs)}; "
        f"{len(ids)} images.\n\n{table}"
    )
    print(shown)
    if options.write:
        write_part("bench.registry", shown)


def measured(root: Path, ids: tuple[str, ...], times: int) -> str:
    """Return the table of all scenarios, measured now."""
    stack = root / "stack"
    lay_stack(stack)
    start = make_start(stack, root)
    with registry(root / "registry") as running, proxied(running.host) as proxy:
        warm = ByDockwright(stack=stack, root=root / "warm")
        runners = (
            Dockwright(ByDockwright(stack=stack, root=root / "a"), f"{proxy.host}/a"),
            buildah(ByDockerfile(stack=stack, root=root / "b", start=start), f"{proxy.host}/b/cache"),
            buildkit(
                ByBuildkit(
                    stack=stack, root=root / "c", start=start, houses=lambda: houses_of(stack, warm.root)
                ),
                f"{proxy.host}/c",
            ),
        )
        session = Session(root=root, ids=ids, warm=warm, runners=runners, proxy=proxy)
        try:
            session.run(times)
        finally:
            for runner in runners:
                runner.end()
            warm.clear()
    return text(session.rows, {runner.name: runner.title for runner in runners})


if __name__ == "__main__":
    main()
