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
with open(int(sys.argv[1]), "w", buffering=1) as told:
    def tell(*values):
        print(json.dumps(values), file=told, flush=True)
    for name, modules in json.loads(sys.argv[2]):
        tell("start", name)
        begin, fault = time.monotonic(), ""
        try:
            for module in modules:
                importlib.import_module(module)
        except BaseException:
            fault = traceback.format_exc()
        tell("end", name, round(time.monotonic() - begin, 3), fault)
    with open("/proc/self/maps", errors="surrogateescape") as maps:
        tell("maps", sorted({line.split(maxsplit=5)[5].strip() for line in maps if ".so" in line}))
"""
ASIDE = {"tests", "test", "testing", "docs", "doc", "examples", "example", "benchmarks", "bin", "scripts"}
"""Names of folders that some distributions install beside what they are for."""


@dataclass(frozen=True, slots=True)
class Imported:
    """How the import of one distribution ended; `fault` is empty when it worked."""

    name: str
    seconds: float
    fault: str = ""


def modules_of(name: str) -> list[str]:
    """Return what to import for an installed distribution: the module of its name, else all that it installs.

    A folder without `__init__.py` imports whatever it holds, so what lies in it stands for it
    (`google.protobuf`, not `google`).

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
    """Return the importable modules among installed files that lie in no other package of them."""
    packages: set[tuple[str, ...]] = set()
    modules: set[tuple[str, ...]] = set()
    for path in map(PurePosixPath, files):
        if path.is_absolute() or ".." in path.parts or path.suffix not in {".py", ".so"}:
            continue
        if path.suffix == ".so" and path.name.startswith("lib"):
            continue
        *folders, file = path.parts
        parts = (*folders, file.partition(".")[0])
        if not all(part.isidentifier() for part in parts) or ASIDE & set(parts):
            continue
        (packages if parts[-1] == "__init__" else modules).add(
            parts[:-1] if parts[-1] == "__init__" else parts
        )
    inside = {one for one in packages | modules if any(one[:end] in packages for end in range(1, len(one)))}
    return sorted(".".join(one) for one in (packages | modules) - inside)


def import_all(wanted: list[tuple[str, list[str]]], limit_s: float, loaded: set[str]) -> Iterator[Imported]:
    """Import the modules of distributions, in order, in one process, and say how each one ended.

    When that process dies, each distribution that it did not reach gets a process of its own; one that only
    dies in company is named for that. The shared objects that a process had at its end are added to `loaded`.
    """
    together = _import(wanted, limit_s)
    yield from together.done
    loaded.update(together.loaded)
    rest = wanted[len(together.done) :]
    if not rest and together.ended.fault:
        yield Imported("all together", 0.0, f"the imports worked; their process {_fault(together.ended)}")
    for index, one in enumerate(rest):
        if index == 0 and together.ended.why:
            yield Imported(one[0], 0.0, _fault(together.ended))
            continue
        alone = _import([one], limit_s)
        loaded.update(alone.loaded)
        if alone.ended.fault or not alone.done:
            yield Imported(one[0], 0.0, _fault(alone.ended))
        elif index == 0 and not alone.done[0].fault:
            before = ", ".join(name for name, _ in wanted[: len(together.done)])
            yield Imported(one[0], 0.0, f"works alone, but not after {before}: {_fault(together.ended)}")
        else:
            yield alone.done[0]


@dataclass(frozen=True, slots=True)
class _Told:
    done: list[Imported]
    loaded: list[str]
    ended: ProcessResult


def _import(wanted: list[tuple[str, list[str]]], limit_s: float) -> _Told:
    told = os.memfd_create("imports")
    try:
        ended = run(
            [sys.executable, "-B", "-P", "-c", IMPORTER, str(told), json.dumps(wanted)],
            limit_s,
            keep_fds=[told],
        )
        os.lseek(told, 0, os.SEEK_SET)
        with open(told, closefd=False, errors="surrogateescape") as file:
            lines = [json.loads(line) for line in file if line.endswith("\n")]
    finally:
        os.close(told)
    done = [Imported(line[1], line[2], line[3]) for line in lines if line[0] == "end"]
    return _Told(done, [path for line in lines if line[0] == "maps" for path in line[1]], ended)


def _fault(ended: ProcessResult) -> str:
    return "\n".join([ended.fault or "ended without a word", ended.output])
