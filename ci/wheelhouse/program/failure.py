"""Why a fetching program failed, told to dockwright in a file beside what was fetched."""

import json
import sys
from collections.abc import Callable
from pathlib import Path


class FetchingError(Exception):
    """A failure of one `kind` (fetch, hash, gone, compile, disk); `text` is for the user.

    `gone` names the locked files that their archive or index has no more.
    """

    def __init__(self, *, kind: str, text: str, gone: tuple[str, ...] = ()) -> None:
        self.kind, self.text, self.gone = kind, text, gone
        super().__init__(text)


def told(path: Path, program: Callable[[], None]) -> None:
    """Run `program`; a failure of it is written to `path` and ends this process with 1."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    try:
        program()
    except FetchingError as failed:
        print(failed.text, flush=True)
        value = {"kind": failed.kind, "text": failed.text, "gone": list(failed.gone)}
        try:
            path.write_text(json.dumps(value))
        except OSError:
            path.unlink(missing_ok=True)  # no room even for this: the output has the text
        sys.exit(1)
