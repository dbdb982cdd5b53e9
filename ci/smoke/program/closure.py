"""Check that every program and library finds the libraries that it needs, as the loader searches them.

Nothing is run.

Source: ld.so(8), "Dynamic linking": DT_RPATH of the object and of those that load it, unless it has a
DT_RUNPATH; LD_LIBRARY_PATH; DT_RUNPATH; /etc/ld.so.cache; the default folders. A name that an earlier object
of the same program has loaded is not searched again.
"""

import os
import stat
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from .elf import Elf, read_elf

CACHE = "/etc/ld.so.cache"
DEFAULT = ("/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu", "/lib64", "/usr/lib64", "/lib", "/usr/lib")
TEXT = (".py", ".pyc", ".pyi", ".sh", ".txt", ".h", ".hpp", ".json", ".pl", ".pm", ".html", ".js", ".css")
_CACHE_MAGIC = b"glibc-ld.so.cache1.1"
_CACHE_HEADER, _CACHE_ENTRY = struct.Struct("<20sIIB3xI12x"), struct.Struct("<iIIIQ")


@dataclass(frozen=True, slots=True)
class Missing:
    """A library, or a version of its symbols, that an object needs and does not find."""

    library: str
    needed_by: str
    version: str = ""


@dataclass(slots=True)
class Closure:
    """The result: the number of checked objects, what is missing, which files are damaged."""

    objects: int = 0
    missing: list[Missing] = field(default_factory=list)
    damaged: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Seen:
    """The (object, library name) pairs found and missed so far, in order; a pair may be both."""

    found: set[tuple[str, str]] = field(default_factory=set)
    missing: dict[tuple[str, str], None] = field(default_factory=dict)
    versions: dict[Missing, None] = field(default_factory=dict)


@dataclass(slots=True)
class Loader:
    """Finds libraries by name; files are read once."""

    search: tuple[str, ...]
    """LD_LIBRARY_PATH."""
    cached: dict[str, list[str]]
    """Paths by name, from /etc/ld.so.cache."""
    known: dict[str, Elf | None] = field(default_factory=dict)

    def read(self, path: str) -> Elf | None:
        """Return the ELF file at `path`, None if there is none that this user can read."""
        if path not in self.known:
            try:
                self.known[path] = read_elf(path)
            except OSError:
                self.known[path] = None
        return self.known[path]

    def find(self, name: str, one: Elf, inherited: tuple[str, ...]) -> Elf | None:
        """Return the library that `one` gets by `name`; `inherited` are the folders of its loaders."""
        for path in self._paths(name, one, inherited):
            try:
                found = self.read(path)
            except ValueError:
                continue
            if found is not None and found.machine == one.machine:
                return found
        return None

    def _paths(self, name: str, one: Elf, inherited: tuple[str, ...]) -> Iterator[str]:
        if "/" in name:
            yield expanded(name, one.path)
            return
        for folder in (*(() if one.runpath else (*own_folders(one), *inherited)), *self.search):
            yield f"{folder}/{name}"
        for folder in one.runpath:
            yield f"{expanded(folder, one.path)}/{name}"
        yield from self.cached.get(name, ())
        for folder in DEFAULT:
            yield f"{folder}/{name}"


def own_folders(one: Elf) -> tuple[str, ...]:
    """Return the DT_RPATH of an object; none if it has a DT_RUNPATH."""
    return () if one.runpath else tuple(expanded(folder, one.path) for folder in one.rpath)


def expanded(folder: str, path: str) -> str:
    """Return a folder of the search path of the object at `path`, with `$ORIGIN` replaced."""
    for token in ("${ORIGIN}", "$ORIGIN"):
        folder = folder.replace(token, os.path.dirname(path))  # noqa: PTH120
    return os.path.normpath(folder)


def read_cache(content: bytes) -> dict[str, list[str]]:
    """Return the paths by library name in an ld.so.cache, empty if it has another format."""
    if not content.startswith(_CACHE_MAGIC):
        return {}
    found: dict[str, list[str]] = {}
    _, count, *_ = _CACHE_HEADER.unpack_from(content)
    for index in range(count):
        offset = _CACHE_HEADER.size + index * _CACHE_ENTRY.size
        _, key, value, _, _ = _CACHE_ENTRY.unpack_from(content, offset)
        name, path = (content[at : content.index(b"\0", at)].decode() for at in (key, value))
        found.setdefault(name, []).append(path)
    return found


def loader(environment: dict[str, str]) -> Loader:
    """Return the loader of this file system."""
    try:
        with open(CACHE, "rb") as file:  # noqa: PTH123
            cached = read_cache(file.read())
    except OSError:
        cached = {}
    search = tuple(folder for folder in environment.get("LD_LIBRARY_PATH", "").split(":") if folder)
    return Loader(search, cached)


def objects_under(roots: Iterable[str]) -> Iterator[str]:
    """Yield the files that may be programs or libraries: by their name, or executable and not a text."""
    folders = list(roots)
    while folders:
        try:
            entries = list(os.scandir(folders.pop()))
        except OSError:
            continue
        for entry in entries:
            if entry.is_symlink():
                continue
            if entry.is_dir():
                folders.append(entry.path)
            elif ".so" in entry.name or not entry.name.endswith(TEXT):
                mode = 0 if ".so" in entry.name else entry.stat(follow_symlinks=False).st_mode
                if ".so" in entry.name or (stat.S_ISREG(mode) and mode & 0o111):
                    yield entry.path


def closure(
    paths: Iterable[str], find: Loader, *, allowed: Iterable[str] = (), loaded: Iterable[str] = ()
) -> Closure:
    """Return what is missing for the objects at `paths` and for the libraries that they load.

    `allowed` are names of libraries that may be missing. `loaded` are objects that a process has loaded:
    their importer loads what they need first, so they find it although the loader alone does not.
    """
    result, seen, allowed, loaded = Closure(), Seen(), set(allowed), set(loaded)
    for path in sorted(paths):
        try:
            root = find.read(path)
        except ValueError as error:
            result.damaged.append(str(error))
            continue
        if root is not None:
            result.objects += 1
            load(root, find, seen)
    result.missing = [
        Missing(name, path)
        for path, name in seen.missing
        if (path, name) not in seen.found and name not in allowed and path not in loaded
    ]
    result.missing += seen.versions
    return result


def load(root: Elf, find: Loader, seen: Seen) -> dict[str, Elf]:
    """Return the library that a program gets by each name if it loads `root`: breadth first, each name once.

    What each object finds and misses is added to `seen`.
    """
    loaded: dict[str, Elf] = {}
    queue: list[tuple[Elf, tuple[str, ...]]] = [(root, ())]
    for one, inherited in queue:
        for name in one.needed:
            library = loaded.get(name)
            if library is None:
                library = find.find(name, one, inherited)
                if library is None:
                    seen.missing[one.path, name] = None
                    continue
                loaded[name] = library
                loaded.setdefault(library.soname or name, library)
                queue.append((library, (*own_folders(one), *inherited)))
            seen.found.add((one.path, name))
        for name, version in one.versions:
            library = loaded.get(name)
            if library is not None and library.defines and version not in library.defines:
                seen.versions[Missing(name, one.path, version)] = None
    return loaded
