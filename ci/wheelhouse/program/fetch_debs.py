"""Fill a debhouse by hash. Runs in a container, or on the host for the bootstrap base; standard library only.

    fetch_debs.py DOCUMENT ROOT NAME

`DOCUMENT` is the debhouse's input document (JSON: `files`: [{file, sha256, size, url}], `lists`:
{name: [file]}, `known`: see content_store.py). `ROOT` has every package once by its sha256; `ROOT/NAME` gets
`debs/`, `lists/` and `manifest.json`. Files that are already present are checked by hash, not by name. A
failure is reported in `ROOT/partial/NAME.failure`.
"""

import json
import sys
from functools import partial
from pathlib import Path

if not __package__:
    # In a container this folder is the only part of dockwright, and -I leaves it out of the search path.
    sys.path.insert(0, str(Path(__file__).parent.parent))
    __package__ = Path(__file__).parent.name  # PEP 366

from .address import host_of
from .client import Client
from .content_store import open_content_store
from .message import say
from .package_folder import PackageFolder
from .start import run
from .transfer import Transfer, Wanted


def fill(document: Path, root: Path, name: str) -> None:
    """Fetch what is missing, then write the folders and the manifest."""
    wanted = json.loads(document.read_text())
    store = open_content_store(root, wanted["known"])
    entries = wanted["files"]
    missing = [entry for entry in entries if not store.has(entry["sha256"])]
    say(f"{len(entries)} packages, {len(missing)} to fetch")
    files = [
        Wanted(
            file=entry["file"],
            sha256=entry["sha256"],
            address=partial(str, entry["url"]),
            size=entry.get("size", 0),
        )
        for entry in missing
    ]
    named = frozenset(host_of(entry["url"]) for entry in missing)
    Transfer(store, Client(say, named=named)).fetch(files)
    folder = PackageFolder(root / name, store)
    for entry in entries:
        folder.add(f"debs/{entry['file']}", entry["sha256"])
    for list_, names in wanted["lists"].items():
        paths = [f"debs/{file}" for file in names]
        folder.list(list_, paths, "".join(f"./{path}\n" for path in paths), checked=paths)
    folder.close(wanted["input"])


if __name__ == "__main__":
    run(fill, *sys.argv[1:])
