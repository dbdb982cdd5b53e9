"""One file of the state directory: read within bounds and by its type, written whatever is in its place."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

from ci.bounded.file import LARGE_BYTES, read_file
from ci.bounded.parse import MalformedError, parse_json
from ci.wheelhouse.program.atomic_write import write_atomically
from ci.wheelhouse.program.obstacle import remove_obstacles

Value = TypeVar("Value")
Warn = Callable[[str], None]

GUARD = ".guard"
_SHOWN: set[str] = set()


def warn_once(text: str) -> None:
    """Print a warning to the error stream; the same one is printed once."""
    if text not in _SHOWN:
        _SHOWN.add(text)
        print(f"dockwright: warning: {text}", file=sys.stderr)


def read_state(path: Path, form: TypeAdapter[Value], warn: Warn, limit: int = LARGE_BYTES) -> Value | None:
    """Return the JSON value of a file that dockwright wrote; None where there is none, or it is damaged.

    Damage is a warning: what the file says is computed again.
    """
    try:
        return form.validate_python(parse_json(read_file(path, limit)))
    except FileNotFoundError:
        return None
    except OSError as error:
        warn(f"{path}: can't be read ({error.strerror}); it is ignored and made again")
    except MalformedError as error:
        where = f"{error.where}: " if error.where else ""
        warn(f"{path}: damaged ({where}{error}); it is ignored and made again")
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part)[:40] for part in first["loc"][:4])
        what = f"{where}: {first['msg']}" if where else first["msg"]
        warn(f"{path}: damaged ({what}); it is ignored and made again")
    return None


@contextmanager
def exclusive(root: Path) -> Iterator[None]:
    """Change files of the state directory `root` while no other process does, so that no change is lost.

    It is held for moments. Where the guard can't be locked, nothing is.
    """
    if sys.platform == "win32":
        yield
        return
    import fcntl

    with ExitStack() as stack:
        with suppress(OSError):
            root.mkdir(parents=True, exist_ok=True)
            guard = os.open(root / GUARD, os.O_RDWR | os.O_CREAT | os.O_NONBLOCK | os.O_CLOEXEC, 0o600)
            stack.callback(os.close, guard)
            fcntl.flock(guard, fcntl.LOCK_EX)
        yield


def write_state(path: Path, content: str, warn: Warn) -> None:
    """Write a file; what is in its place, or in that of its folder, is removed. An error is a warning."""
    try:
        try:
            write_atomically(path, content)
        except OSError:
            remove_obstacles(path)
            write_atomically(path, content)
    except OSError as error:
        warn(f"{path}: can't be written ({error.strerror}); what it says is computed again next time")
