"""CUDA libraries that a wheel opens by name load without a GPU, and out of wheels. Standard library only."""

import json
import mmap
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

from .bounded_process import run
from .elf import read_elf
from .filesystem import Finding

OPENERS = ("ctranslate2", "ctranslate2.libs", "onnxruntime")
"""Folders of site-packages whose objects open CUDA libraries by name, which no list of needed ones tells."""
TORCH = "torch/lib"
"""Holds torch's own libraries, which need theirs as the loader knows it."""
CUDA = r"lib(?:cu(?!rl|ps)|nv|nccl)[A-Za-z0-9_]*\.so\.[0-9]+"
"""The name of a CUDA library: neither curl's nor the printing system's, which begin alike."""
SPOKEN = re.compile(rf"\0({CUDA})(?=\0)".encode())
"""Such a name as a whole string of an object; it begins with fixed bytes, which are found fast."""
DRIVERS = ("libcuda.so.", "libnvcuvid.so.")
"""Begin the names of libraries that come with the machine's driver, and not with an image."""
LIMIT_S = 60.0
LOADER = """
import ctypes, json, sys

class Link(ctypes.Structure):
    _fields_ = [("address", ctypes.c_void_p), ("name", ctypes.c_char_p)]

def mapped():
    with open("/proc/self/maps", errors="surrogateescape") as maps:
        return {line.split(maxsplit=5)[5].strip() for line in maps if ".so" in line}

before = mapped()
try:
    library = ctypes.CDLL(sys.argv[1])
except OSError as error:
    print(json.dumps({"fault": str(error)}))
    sys.exit()
find, link = ctypes.CDLL(None).dlinfo, ctypes.POINTER(Link)()
find.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p]
if find(library._handle, 2, ctypes.byref(link)):
    sys.exit("dlinfo knows nothing of it")
path = link.contents.name.decode(errors="surrogateescape")
print(json.dumps({"path": path, "mapped": sorted(mapped() - before)}))
"""
"""Tells what a name gave and all that came with it. Source: dlinfo(3), RTLD_DI_LINKMAP is 2; link.h."""


def names(site: Path) -> list[str]:
    """Return the CUDA libraries that wheels below `site` open by name, and those that torch needs.

    It is asked of CUDA variants alone: ctranslate2 names the same libraries in an image that has none.

    Raises:
        ValueError: a library of torch's is a damaged ELF file.
    """
    found = {name for folder in OPENERS for name in _spoken(site / folder)}
    for path in (site / TORCH).glob("*.so"):
        one = read_elf(str(path))
        found.update(name for name in (one.needed if one else ()) if re.fullmatch(CUDA, name))
    return sorted(name for name in found if not name.startswith(DRIVERS))


def _spoken(folder: Path) -> Iterator[str]:
    for path in sorted(folder.rglob("*.so*")):
        if path.is_file() and path.stat().st_size:
            with (
                path.open("rb") as file,
                mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content,
            ):
                yield from (found.decode() for found in SPOKEN.findall(content))


def load(name: str, site: Path, limit_s: float = LIMIT_S) -> Finding:
    """Open a library by its name, as ctranslate2 does, in a process of its own.

    What the name gives, and each CUDA library that comes with it, has to lie below `site`. The detail of a
    failure may hold all that the process wrote.
    """
    ended = run([sys.executable, "-B", "-P", "-c", LOADER, name], limit_s)
    if ended.fault:
        return "failed", f"the process that opens it {ended.fault}\n{ended.output}".rstrip()
    try:
        told = json.loads(ended.output.rstrip().rpartition("\n")[2])
    except json.JSONDecodeError:
        return "failed", f"the process that opens it told nothing\n{ended.output}".rstrip()
    return judged(told, site)


def judged(told: Mapping[str, object], site: Path) -> Finding:
    """Return what is to be said of what the process that opens a library told."""
    if "fault" in told:
        return "failed", str(told["fault"])
    path, mapped = str(told["path"]), told["mapped"]
    assert isinstance(mapped, list)
    cuda = [one for one in map(str, mapped) if re.match(CUDA, one.rpartition("/")[2])]
    foreign = [one for one in dict.fromkeys([path, *cuda]) if not Path(one).resolve().is_relative_to(site)]
    if foreign:
        return "failed", f"not of a wheel: {', '.join(foreign)}"
    return "passed", str(Path(path).resolve().relative_to(site))


def checks(site: Path) -> list[tuple[str, Callable[[], Finding]]]:
    """Return the checks of a CUDA variant with the wheels below `site`; none when no wheel opens any library.

    Raises:
        ValueError: see `names`.
    """
    return [(f"load {name}", partial(load, name, site.resolve())) for name in names(site)]
