"""What every lock of a stack is made for, and the lines that it has now."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ci.bounded.file import SMALL_BYTES, read_file
from ci.catalog.image import APT_LOCK
from ci.catalog.load import (
    BOOTSTRAP_LOCK,
    STACK,
    WHEELHOUSE,
    WHEELHOUSE_APT_LOCK,
    WHEELHOUSE_LOCK,
)
from ci.catalog.lockfile import (
    inputs_digest,
    packages_digest,
    parse_apt_lock,
    parse_python_lock,
)
from ci.catalog.reading import IMAGE
from ci.catalog.requirements import parse_requirements, requirement_files
from ci.catalog.stack import DebLine, LockLine, Stack


@dataclass(frozen=True, slots=True, kw_only=True)
class PythonRequest:
    """One Python lock: `lock` and `source` (its requirements) are paths in the stack, `old` its lines now.

    `id` is the image variant, or empty for the builder of the wheelhouse. `title` is the lock's first line;
    it names the parent that the lock is a delta over. `retitled`: the lock has another title.
    """

    id: str
    title: str
    lock: str
    source: str
    inputs: str
    requirements: tuple[str, ...]
    old: tuple[LockLine, ...]
    fresh: bool
    retitled: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AptRequest:
    """One Debian lock, as `PythonRequest`; `ancestors` are the locks of images below it, nearest first."""

    lock: str
    source: str
    inputs: str
    packages: tuple[str, ...]
    ancestors: tuple[str, ...]
    old: tuple[DebLine, ...]


def python_requests(directory: Path, stack: Stack) -> tuple[PythonRequest, ...]:
    """Return the Python locks of `stack`, in its order of images, the builder's last."""
    by_folder: dict[str, dict[str, str]] = {}
    for image in stack.images:
        by_folder.setdefault(image.folder, {})[image.variant] = image.parent
    found = []
    for image in stack.images:
        present = {path.name for path in (directory / image.folder).iterdir()}
        files = requirement_files(image.image, by_folder[image.folder], present).get(image.variant)
        if files is not None:
            lock, source = f"{image.folder}/{files.lock}", f"{image.folder}/{files.input}"
            title = f"Python packages that {image.id} adds to {image.parent}, one file of each."
            found.append(_python(directory, image.id, title, lock, source))
    title = f"Python packages of the wheelhouse's builder: what sdists are compiled with, and uv {stack.uv}."
    extra = (f"uv=={stack.uv}",)
    return (*found, _python(directory, "", title, WHEELHOUSE_LOCK, WHEELHOUSE, extra))


def apt_requests(directory: Path, stack: Stack) -> tuple[AptRequest, ...]:
    """Return the Debian locks of `stack`: the bootstrap's, the builder's, then the images' by folder."""
    found = [
        _apt(directory, BOOTSTRAP_LOCK, STACK, stack.bootstrap.packages, ()),
        _apt(directory, WHEELHOUSE_APT_LOCK, STACK, stack.builder.apt, ()),
    ]
    seen: set[str] = set()
    for image in stack.images:
        if image.apt and image.folder not in seen:
            seen.add(image.folder)
            below = tuple(f"{other.folder}/{APT_LOCK}" for other in stack.lineage(image.id)[1:] if other.apt)
            lock, source = f"{image.folder}/{APT_LOCK}", f"{image.folder}/{IMAGE}"
            found.append(_apt(directory, lock, source, image.apt, below))
    return tuple(found)


def _python(
    directory: Path, id_: str, title: str, lock: str, source: str, extra: tuple[str, ...] = ()
) -> PythonRequest:
    data = read_file(directory / source, SMALL_BYTES)
    text = _text(directory / lock)
    present = parse_python_lock(text)
    return PythonRequest(
        id=id_,
        title=title,
        lock=lock,
        source=source,
        inputs=inputs_digest(data),
        requirements=(*parse_requirements(data.decode("utf-8-sig")).lines, *extra),
        old=present.lines,
        fresh=present.inputs == inputs_digest(data) and not present.errors,
        retitled=bool(text) and not text.startswith(f"# {title}\n"),
    )


def _apt(
    directory: Path, lock: str, source: str, packages: tuple[str, ...], below: tuple[str, ...]
) -> AptRequest:
    return AptRequest(
        lock=lock,
        source=source,
        inputs=packages_digest(packages),
        packages=packages,
        ancestors=below,
        old=parse_apt_lock(_text(directory / lock)).lines,
    )


def _text(path: Path) -> str:
    try:
        return read_file(path).decode()
    except (OSError, UnicodeDecodeError):
        return ""  # it is written again
