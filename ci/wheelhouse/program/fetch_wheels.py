"""Fetch wheels and sdists by hash, and fill a wheelhouse unless sdists have to be compiled first.

    fetch_wheels.py DOCUMENT ROOT NAME

It runs in a container with network access, and no foreign code runs in it; standard library only.

`DOCUMENT` is the wheelhouse's input document (JSON: `builder`: lock lines of the build requirements; `lists`:
{list: lock lines}; `together`: {image: lock lines of its ancestors and itself}; `builds`: {sdist file:
wheel-build key}; `sizes`: {sha256: bytes}, where they are known; `known`: see content_store.py). `ROOT` has
every file once by its sha256, for all variants; `ROOT/NAME` gets `wheels/`, `lists/` (requirement files with
the hashes of the wheels), `uv` and `manifest.json`. A failure is reported in `ROOT/partial/NAME.failure`.

Where sdists have to be compiled, `ROOT/partial/NAME.builder` is made instead: see wheel_folder.py. Each of
them is compiled by compile_sdist.py in a container of its own, and fill_wheels.py then fills the wheelhouse.
"""

import os
import sys
from functools import partial
from pathlib import Path

if not __package__:
    # In a container this folder is the only part of dockwright, and -I leaves it out of the search path.
    sys.path.insert(0, str(Path(__file__).parent.parent))
    __package__ = Path(__file__).parent.name  # PEP 366

from .address import host_of
from .client import Client
from .index import Index
from .line import Line
from .message import say
from .start import run
from .transfer import Transfer, Wanted
from .wheel_folder import WheelFolder

PYPI = "https://pypi.org/simple"


def fetch(lines: set[Line], wanted: WheelFolder) -> None:
    """Fetch the files of `lines` from the index of the environment (`PIP_INDEX_URL`, `PIP_TRUSTED_HOST`)."""
    store = wanted.store
    hashed = {*wanted.requirements, *(line for line in lines if line.is_sdist)}
    stores = {line: wanted.hashing if line in hashed else store for line in lines}
    missing = sorted(
        (line for line in lines if not stores[line].has(line.sha256)), key=lambda line: line.file
    )
    say(f"{len(lines)} distributions, {len(missing)} to fetch")
    root = os.environ.get("PIP_INDEX_URL") or PYPI
    trusted = tuple(os.environ.get("PIP_TRUSTED_HOST", "").split())
    client = Client(say, trusted=trusted, named=frozenset({host_of(root)}))
    index = Index(root, client)
    Transfer(store, client).fetch(
        [
            Wanted(
                file=line.file,
                sha256=line.sha256,
                address=partial(index.address, line.name, line.file),
                size=wanted.sizes.get(line.sha256, 0),
            )
            for line in missing
        ]
    )


def fill(document: Path, root: Path, name: str) -> None:
    """Fetch what is missing, then write the folder, or what has to be compiled for it."""
    wanted = WheelFolder(document, root, name)
    wanted.remove_jobs()  # of a killed run
    sdists = wanted.to_compile()
    fetch({line for line in wanted.lines if not line.is_sdist} | {*wanted.requirements, *sdists}, wanted)
    if sdists:
        wanted.prepare_jobs(sdists)
    else:
        wanted.fill()


if __name__ == "__main__":
    run(fill, *sys.argv[1:])
