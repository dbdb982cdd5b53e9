"""Check that CUDA libraries which a wheel opens by name can be loaded from wheels, without a GPU.

Standard library only.
"""

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
"""Folders of site-packages with objects that open CUDA libraries by name; DT_NEEDED does not list those."""
TORCH = "torch/lib"
"""The folder of torch's own libraries, which list in DT_NEEDED what they need."""
CUDA = r"lib(?:cu(?!rl|ps)|nv|nccl)[A-Za-z0-9_]*\.so\.[0-9]+"
"""The name of a CUDA library, but not of libcurl or libcups, which begin alike."""
NAME = re.compile(rf"\0({CUDA})(?=\0)".encode())
"""Such a name as a whole string in an object. It begins with fixed bytes, which are found fast."""
DRIVERS = ("libcuda.so.", "libnvcuvid.so.")
"""The beginnings of the names of libraries that come with the machine's driver, not with an image."""
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
    print(json.dumps({"error": str(error)}))
    sys.exit()
find, link = ctypes.CDLL(None).dlinfo, ctypes.POINTER(Link)()
find.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p]
if find(library._handle, 2, ctypes.byref(link)):
    sys.exit("dlinfo does not know it")
path = link.contents.name.decode(errors="surrogateescape")
print(json.dumps({"path": path, "mapped": sorted(mapped() - before)}))
"""
"""Prints the path of the loaded library and of all libraries that were loaded with it.

Source: dlinfo(3), RTLD_DI_LINKMAP is 2; link.h.
"""


def names(site: Path) -> list[str]:
    """Return the CUDA libraries that wheels below `site` open by name, and those that torch needs.

    This is for CUDA variants only: ctranslate2 has the same names in an image without CUDA.

    Raises:
        ValueError: a library of torch is a damaged ELF file.
    """
    found = {name for folder in OPENERS for name in _names_in(site / folder)}
    for path in (site / TORCH).glob("*.so"):
        one = read_elf(str(path))
        found.update(name for name in (one.needed if one else ()) if re.fullmatch(CUDA, name))
    return sorted(name for name in found if not name.startswith(DRIVERS))


def _names_in(folder: Path) -> Iterator[str]:
    for path in sorted(folder.rglob("*.so*")):
        if path.is_file() and path.stat().st_size:
            with (
                path.open("rb") as file,
                mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content,
            ):
                yield from (found.decode() for found in NAME.findall(content))


def load(name: str, site: Path, limit_s: float = LIMIT_S) -> Finding:
    """Open a library by its name, as ctranslate2 does, in a process of its own.

    The library, and each CUDA library that is loaded with it, has to be below `site`. The detail of a failure
    may contain the whole output of the process.
    """
    ended = run([sys.executable, "-B", "-P", "-c", LOADER, name], limit_s)
    if ended.error:
        return "failed", f"the process that opens it {ended.error}\n{ended.output}".rstrip()
    try:
        result = json.loads(ended.output.rstrip().rpartition("\n")[2])
    except json.JSONDecodeError:
        return "failed", f"the process that opens it printed no result\n{ended.output}".rstrip()
    return judged(result, site)


def judged(result: Mapping[str, object], site: Path) -> Finding:
    """Return the finding for the result of the process that opens a library."""
    if "error" in result:
        return "failed", str(result["error"])
    path, mapped = str(result["path"]), result["mapped"]
    assert isinstance(mapped, list)
    cuda = [one for one in map(str, mapped) if re.match(CUDA, one.rpartition("/")[2])]
    foreign = [one for one in dict.fromkeys([path, *cuda]) if not Path(one).resolve().is_relative_to(site)]
    if foreign:
        return "failed", f"not from a wheel: {', '.join(foreign)}"
    return "passed", str(Path(path).resolve().relative_to(site))


def checks(site: Path) -> list[tuple[str, Callable[[], Finding]]]:
    """Return the checks of a CUDA variant with the wheels below `site`.

    There are none if no wheel opens a library by name.

    Raises:
        ValueError: see `names`.
    """
    return [(f"load {name}", partial(load, name, site.resolve())) for name in names(site)]
