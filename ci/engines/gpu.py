"""NVIDIA's GPU of this machine: what a container needs of it. Nothing is changed or started.

Source: NVIDIA Container Toolkit, pkg/nvcdi (device nodes, files named after the driver's version) and
libnvidia-container, src/nvc_info.c (which libraries are for computing).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

DRIVER = "libcuda.so.1"
LIBRARIES = (
    DRIVER,
    "libnvidia-ml.so.1",
    "libnvidia-ptxjitcompiler.so.1",
    "libnvidia-nvvm.so.4",
    "libcudadebugger.so.1",
)
"""Sonames of what a program on a GPU opens; all but the first may be missing."""
ALSO = ("libnvidia-gpucomp.so.{}", "libnvidia-tileiras.so.{}", "libnvidia-nvvm70.so.4")
"""Libraries that those open themselves, in the same folder; a name may end in the driver's version."""
CONTROL = ("nvidiactl", "nvidia-uvm")
"""Device nodes that computing needs in addition to those of the GPUs."""
PROGRAM = "nvidia-smi"
FOLDERS = (
    "usr/lib/x86_64-linux-gnu",
    "usr/lib/x86_64-linux-gnu/nvidia/current",
    "usr/lib64",
    "usr/local/nvidia/lib64",
)
"""Folders of a driver that is not in the loader's cache: Debian, Fedora, machines of a cluster.

Source: NVIDIA Container Toolkit, pkg/lookup/library.go; container-engine-accelerators, cmd/nvidia_gpu.
"""
PROGRAM_FOLDERS = ("usr/bin", "usr/local/nvidia/bin")
INSIDE = "/usr/lib/x86_64-linux-gnu"
"""A folder that the loader of each image searches by itself: images are made from Debian."""
VERSION = "proc/driver/nvidia/version"
_CACHED = re.compile(r"^\s*(\S+) \([^)]*x86-64[^)]*\) => (\S+)$", re.MULTILINE)
_MODULE = re.compile(r"Module\b.*?\s(\d+(?:\.\d+)+)\s")


@dataclass(frozen=True, slots=True, kw_only=True)
class Gpu:
    """Device nodes, libraries of the driver and its programs: each (path on this machine, path inside).

    `driver` is the driver's version. A library is listed under its soname and under its own name.
    """

    devices: tuple[tuple[Path, str], ...]
    libraries: tuple[tuple[Path, str], ...]
    programs: tuple[tuple[Path, str], ...]
    driver: str


def find_gpu(root: Path = Path("/"), cached: str = "") -> Gpu | str:
    """Return the GPU of the machine whose file system is at `root`, or why none can be used.

    `cached` is what `ldconfig -p` prints; without it, or for a library that it lacks, the usual folders are
    searched. A GPU of Windows (/dev/dxg) does not count: only a container program can give access to it.
    """
    devices = sorted(filter(Path.is_char_device, (root / "dev").glob("nvidia[0-9]*")), key=_number)
    if not devices:
        return "there is no /dev/nvidia0, nor another GPU of NVIDIA"
    for name in CONTROL:
        if not (root / "dev" / name).is_char_device():
            return f"there is no /dev/{name}, without which {devices[0].name} can't be used"
    more = (root / "dev/nvidia-uvm-tools", *sorted((root / "dev/nvidia-caps").glob("*")))
    nodes = (*devices, *(root / "dev" / name for name in CONTROL), *filter(Path.is_char_device, more))
    found = {name: path for name in LIBRARIES if (path := _library(root, name, cached)) is not None}
    if DRIVER not in found:
        return f"{DRIVER} of the driver is not to be found"
    libraries = [pair for name, path in found.items() for pair in _inside(path, name)]
    for path in _more_libraries(found[DRIVER]):
        libraries += _inside(path, path.name)
    programs = [path for folder in PROGRAM_FOLDERS if (path := root / folder / PROGRAM).is_file()]
    return Gpu(
        devices=tuple((path, f"/{path.relative_to(root)}") for path in nodes),
        libraries=tuple(dict.fromkeys(libraries)),
        programs=tuple((path.resolve(), f"/usr/bin/{PROGRAM}") for path in programs[:1]),
        driver=_version(root) or found[DRIVER].resolve().name.removeprefix("libcuda.so."),
    )


def docker_options() -> tuple[str, ...]:
    """Return the options that give all GPUs to a container of Docker. Source: Docker, "GPU access"."""
    return ("--gpus", "all")


def podman_options() -> tuple[str, ...]:
    """Return the options that give all GPUs to a container of Podman, by a CDI file of `nvidia-ctk`.

    Source: NVIDIA Container Toolkit, "Support for Container Device Interface". Where SELinux is enforced it
    also asks for `--security-opt label=disable`.
    """
    return ("--device", "nvidia.com/gpu=all")


def _number(path: Path) -> int:
    digits = path.name.removeprefix("nvidia")
    return int(digits) if digits.isdigit() else -1


def _library(root: Path, name: str, cached: str) -> Path | None:
    """Return the path of a library, from the loader's cache, else from the usual folders."""
    known = [root / path.lstrip("/") for soname, path in _CACHED.findall(cached) if soname == name]
    usual = [root / folder / name for folder in FOLDERS]
    return next((path for path in (*known, *usual) if path.is_file() and path.stat().st_size), None)


def _more_libraries(driver: Path) -> Iterator[Path]:
    """Yield the libraries of `ALSO` that the driver has."""
    real = driver.resolve()
    version = real.name.removeprefix("libcuda.so.")
    for name in ALSO:
        path = real.with_name(name.format(version))
        if path.is_file():
            yield path


def _inside(path: Path, name: str) -> list[tuple[Path, str]]:
    """Return a library under `name` and under its own."""
    real = path.resolve()
    return [(real, f"{INSIDE}/{one}") for one in dict.fromkeys((name, real.name))]


def _version(root: Path) -> str:
    """Return the version of the kernel's module, empty where it reports none.

    Source: NVIDIA Linux driver README, proc interface.
    """
    path = root / VERSION
    found = _MODULE.search(path.read_text()) if path.is_file() else None
    return found[1] if found else ""
