"""How the programs of this folder start, and report a failure in a file next to what they make."""

import json
import os
import sys
from collections.abc import Callable, MutableMapping
from pathlib import Path

from .content_store import write_error
from .failure import FetchingError
from .obstacle import make_folder, remove


def read_network_file(environ: MutableMapping[str, str]) -> None:
    """Add the variables of the file that `DOCKWRIGHT_NETWORK_FILE` names: proxies and the index.

    They may have passwords in them, so they are not in the environment that this program starts with.
    """
    path = environ.pop("DOCKWRIGHT_NETWORK_FILE", "")
    if path:
        environ.update(json.loads(Path(path).read_text()))


def run(fill: Callable[[Path, Path, str], None], document: str, root: str, name: str) -> None:
    """Let `fill` make the package folder `name` by its input document; a failure ends this process with 1."""
    os.umask(0o022)  # other users read these files too
    read_network_file(os.environ)
    report = Path(root, "partial", f"{name.replace('/', '-')}.failure")
    try:
        try:
            make_folder(report.parent)
            remove(report)
            fill(Path(document), Path(root), name)
        except OSError as error:
            raise write_error(error, Path(root)) from error
    except FetchingError as failed:
        print(failed.text, flush=True)
        value = {
            "kind": failed.kind,
            "text": failed.text,
            "hint": failed.hint,
            "unavailable": list(failed.unavailable),
        }
        try:
            report.write_text(json.dumps(value))
        except OSError:
            report.unlink(missing_ok=True)  # no space even for this: the output has the text
        sys.exit(1)
