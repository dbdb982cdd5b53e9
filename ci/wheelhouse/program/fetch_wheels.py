"""Fill a wheelhouse by hash. Runs in the builder container; standard library only.

    fetch_wheels.py DOCUMENT ROOT NAME

`DOCUMENT` is the wheelhouse's input document (JSON: `builder`: lock lines of the build requirements; `lists`:
{list: lock lines}; `builds`: {sdist file: wheel-build key}; `known`: see content_store.py). `ROOT` has every
file once by its sha256, for all variants; `ROOT/NAME` gets `wheels/`, `lists/` (requirement files with the
hashes of the wheels), `uv` and `manifest.json`. A failure is reported in `ROOT/partial/NAME.failure`.

An sdist is fetched by hash like a wheel and compiled without build isolation, with the builder's own
hash-pinned requirements; `ROOT/compiled` names the compiled wheel by its wheel-build key.
"""

import json
import os
import shutil
import sys
import zipfile
from functools import partial
from pathlib import Path

if not __package__:
    # In a container this folder is the only part of dockwright, and -I leaves it out of the search path.
    sys.path.insert(0, str(Path(__file__).parent.parent))
    __package__ = Path(__file__).parent.name  # PEP 366

from .client import Client
from .compiled import Builder, Compiled
from .content_store import ContentStore, open_content_store
from .index import Index
from .line import Line
from .message import say
from .package_folder import PackageFolder
from .start import run
from .transfer import Transfer, Wanted

PYPI = "https://pypi.org/simple"


def fetch(lines: set[Line], store: ContentStore) -> None:
    """Fetch the files of `lines` from the index of the environment (`PIP_INDEX_URL`, `PIP_TRUSTED_HOST`)."""
    missing = sorted((line for line in lines if not store.has(line.sha256)), key=lambda line: line.file)
    say(f"{len(lines)} distributions, {len(missing)} to fetch")
    client = Client(say, trusted=tuple(os.environ.get("PIP_TRUSTED_HOST", "").split()))
    index = Index(os.environ.get("PIP_INDEX_URL") or PYPI, client)
    Transfer(store, client).fetch(
        [
            Wanted(file=line.file, sha256=line.sha256, address=partial(index.address, line.name, line.file))
            for line in missing
        ]
    )


def fill(document: Path, root: Path, name: str) -> None:
    """Fetch and compile what is missing, then write the folders and the manifest."""
    wanted = json.loads(document.read_text())
    store = open_content_store(root, wanted["known"])
    compiled = Compiled(root / "compiled", store)
    requirements = [Line.of(text) for text in wanted["builder"]]
    lists = {list_: [Line.of(text) for text in texts] for list_, texts in wanted["lists"].items()}
    lines = {line for own in lists.values() for line in own}
    ready = {line: compiled.find(wanted["builds"][line.file]) for line in lines if line.is_sdist}
    to_compile = sorted((line for line, made in ready.items() if made is None), key=lambda line: line.file)
    fetch({line for line in lines if not line.is_sdist} | {*requirements} | {*to_compile}, store)
    if to_compile:
        work = store.partial / f"{name.replace('/', '-')}.builder"
        shutil.rmtree(work, ignore_errors=True)
        try:
            builder = Builder(work, [line for line in requirements if line.name != "uv"], store)
            for line in to_compile:
                say(f"compiling {line.file}")
                ready[line] = compiled.add(wanted["builds"][line.file], builder.compile(line))
        finally:
            shutil.rmtree(work, ignore_errors=True)
    final = {line: ready.get(line) or line for line in lines}
    folder = PackageFolder(root / name, store)
    for line in sorted(final.values(), key=lambda line: line.file):
        folder.add(f"wheels/{line.file}", line.sha256)
    (uv,) = [line for line in requirements if line.name == "uv"]
    with zipfile.ZipFile(store.path(uv.sha256)) as archive:
        (member,) = [entry for entry in archive.namelist() if entry.endswith(".data/scripts/uv")]
        folder.write("uv", archive.read(member), 0o755)
    for list_, own in lists.items():
        text = "".join(f"{final[line].text}\n" for line in own)
        folder.list(list_, [*sorted(f"wheels/{final[line].file}" for line in own), "uv"], text)
    folder.close(wanted["input"])


if __name__ == "__main__":
    run(fill, *sys.argv[1:])
