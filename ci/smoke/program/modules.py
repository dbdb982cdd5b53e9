"""Which modules a distribution installs, and importing them. Standard library only."""

import importlib.metadata
import json
import os
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from .bounded_process import ProcessResult, run

IMPORTER = """
import importlib, json, os, sys, time, traceback
with open(int(sys.argv[1]), "w", buffering=1) as results:
    def report(*values):
        print(json.dumps(values), file=results, flush=True)
    for name, modules in json.loads(sys.argv[2]):
        report("start", name)
        begin, error = time.monotonic(), ""
        try:
            for module in modules:
                importlib.import_module(module)
        except BaseException:  # a module may call sys.exit, or raise what is no Exception
            error = traceback.format_exc()
        report("end", name, round(time.monotonic() - begin, 3), error)
    with open("/proc/self/maps", errors="surrogateescape") as maps:
        report("maps", sorted({line.split(maxsplit=5)[5].strip() for line in maps if ".so" in line}))
"""
NOT_MODULES = {
    "tests",
    "test",
    "testing",
    "docs",
    "doc",
    "examples",
    "example",
    "benchmarks",
    "bin",
    "scripts",
}
"""Names of folders that some distributions install although they are not part of their interface."""


@dataclass(frozen=True, slots=True)
class Imported:
    """How the import of one distribution ended; `error` is empty if it worked."""

    name: str
    seconds: float
    error: str = ""


def modules_of(name: str) -> list[str]:
    """Return what to import for an installed distribution: the module of its name, or else all its modules.

    A folder without `__init__.py` can be imported whatever it contains, so the modules in it are returned
    instead (`google.protobuf`, not `google`).

    Raises:
        importlib.metadata.PackageNotFoundError: it is not installed.
    """
    files = importlib.metadata.distribution(name).files or []
    found = top_modules(str(file) for file in files)
    same = name.replace("-", "_").lower()
    named = [module for module in found if module.replace(".", "_").lower() == same]
    public = [module for module in found if not module.rpartition(".")[2].startswith("_")]
    return named[:1] or public or found


def top_modules(files: Iterable[str]) -> list[str]:
    """Return the importable modules among installed files that are not inside another package."""
    packages: set[tuple[str, ...]] = set()
    modules: set[tuple[str, ...]] = set()
    for path in map(PurePosixPath, files):
        if path.is_absolute() or ".." in path.parts or path.suffix not in {".py", ".so"}:
            continue
        if path.suffix == ".so" and path.name.startswith("lib"):
            continue
        *folders, file = path.parts
        parts = (*folders, file.partition(".")[0])
        if not all(part.isidentifier() for part in parts) or NOT_MODULES & set(parts):
            continue
        (packages if parts[-1] == "__init__" else modules).add(
            parts[:-1] if parts[-1] == "__init__" else parts
        )
    inside = {one for one in packages | modules if any(one[:end] in packages for end in range(1, len(one)))}
    return sorted(".".join(one) for one in (packages | modules) - inside)


def import_all(wanted: list[tuple[str, list[str]]], limit_s: float, loaded: set[str]) -> Iterator[Imported]:
    """Import the modules of distributions, in order, in one process, and yield how each import ended.

    If that process dies, each remaining distribution is imported in a process of its own; one that fails only
    together with others is reported as such. The shared libraries that a process had loaded at its end are
    added to `loaded`.
    """
    together = _import(wanted, limit_s)
    yield from together.done
    loaded.update(together.loaded)
    rest = wanted[len(together.done) :]
    if not rest and together.ended.error:
        yield Imported("all together", 0.0, f"the imports worked, but their process {_error(together.ended)}")
    for index, one in enumerate(rest):
        if index == 0 and together.ended.reason:
            yield Imported(one[0], 0.0, _error(together.ended))
            continue
        alone = _import([one], limit_s)
        loaded.update(alone.loaded)
        if alone.ended.error or not alone.done:
            yield Imported(one[0], 0.0, _error(alone.ended))
        elif index == 0 and not alone.done[0].error:
            before = ", ".join(name for name, _ in wanted[: len(together.done)])
            yield Imported(one[0], 0.0, f"works alone, but not after {before}: {_error(together.ended)}")
        else:
            yield alone.done[0]


@dataclass(frozen=True, slots=True)
class _Result:
    done: list[Imported]
    loaded: list[str]
    ended: ProcessResult


def _import(wanted: list[tuple[str, list[str]]], limit_s: float) -> _Result:
    results = os.memfd_create("imports")
    try:
        ended = run(
            [sys.executable, "-B", "-P", "-c", IMPORTER, str(results), json.dumps(wanted)],
            limit_s,
            keep_fds=[results],
        )
        os.lseek(results, 0, os.SEEK_SET)
        with open(results, closefd=False, errors="surrogateescape") as file:
            lines = [json.loads(line) for line in file if line.endswith("\n")]
    finally:
        os.close(results)
    done = [Imported(line[1], line[2], line[3]) for line in lines if line[0] == "end"]
    return _Result(done, [path for line in lines if line[0] == "maps" for path in line[1]], ended)


def _error(ended: ProcessResult) -> str:
    return "\n".join([ended.error or "ended without a result", ended.output])
