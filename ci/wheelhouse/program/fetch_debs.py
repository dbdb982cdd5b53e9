"""Fill a debhouse by hash. Runs in a container, or on the host for the bootstrap base; standard library only.

    fetch_debs.py INPUT HOUSES NAME

`INPUT` is the debhouse's input document (JSON: `files`: [{file, sha256, url}], `lists`: {name: [file]},
`known`: see content_store.py). `HOUSES` keeps every package once by its sha256; `HOUSES/NAME` gets `debs/`,
`lists/` and `manifest.json`. What is there already is looked at by hash, not by name. A failure is told in
`HOUSES/parts/NAME.failure`.
"""

import json
import sys
from functools import partial
from pathlib import Path

if not __package__:
    # In a container this folder is all that there is of dockwright, and -I leaves it out of the search path.
    sys.path.insert(0, str(Path(__file__).parent.parent))
    __package__ = Path(__file__).parent.name  # PEP 366

from .client import Client
from .content_store import open_content_store
from .package_folder import PackageFolder
from .start import run
from .transfer import Transfer, Wanted


def say(line: str) -> None:
    """Print one line for the reader outside."""
    print(f"debhouse: {line}", flush=True)


def fill(input_path: Path, houses: Path, name: str) -> None:
    """Fetch what is missing, then write the folders and the manifest."""
    wanted = json.loads(input_path.read_text())
    kept = open_content_store(houses, wanted["known"])
    entries = wanted["files"]
    missing = [entry for entry in entries if not kept.holds(entry["sha256"])]
    say(f"{len(entries)} packages, {len(missing)} to fetch")
    asked = [
        Wanted(file=entry["file"], sha256=entry["sha256"], address=partial(str, entry["url"]))
        for entry in missing
    ]
    Transfer(kept, Client(say)).fetch(asked)
    house = PackageFolder(houses / name, kept)
    for entry in entries:
        house.add(f"debs/{entry['file']}", entry["sha256"])
    for list_, files in wanted["lists"].items():
        house.list(list_, [f"debs/{file}" for file in files], "".join(f"./debs/{file}\n" for file in files))
    house.close(wanted["input"])


if __name__ == "__main__":
    run(fill, *sys.argv[1:])
