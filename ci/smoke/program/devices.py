"""The devices that compute: GPUs by NVIDIA's driver, the CPU by Linux. Standard library only."""

import ctypes
import os
from pathlib import Path

from .reading import Reading

LIBRARY = "libcuda.so.1"
NO_DEVICE, STUB = 100, 34
"""Source: CUDA driver API, enum CUresult: CUDA_ERROR_NO_DEVICE, CUDA_ERROR_STUB_LIBRARY."""
MAJOR, MINOR = 75, 76
"""Source: CUDA driver API, enum CUdevice_attribute, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_…."""
VERSION = Path("/proc/driver/nvidia/version")
"""The version of the driver's kernel module. Source: NVIDIA Linux driver README, proc interface."""
CPU, MEMORY = Path("/proc/cpuinfo"), Path("/proc/meminfo")
_NAME_BYTES = 256
_GIB = 2**30


class DriverError(Exception):
    """A call of the driver failed; `code` is its CUresult."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


class Driver:
    """The calls of libcuda that list devices.

    Source: CUDA driver API, Initialization, Version Management and Device Management. In cuda.h,
    the name without _v2 is defined as the one with it.
    """

    def __init__(self) -> None:
        self.library = ctypes.CDLL(LIBRARY)

    def call(self, name: str, *arguments: object) -> None:
        """Call a function that returns a CUresult.

        Raises:
            DriverError: it returned another than CUDA_SUCCESS.
            AttributeError: the library has no such function.
        """
        code = getattr(self.library, name)(*arguments)
        if code:
            raise DriverError(f"{name} failed: {self.text('cuGetErrorName', code)} ({code})", code)

    def text(self, name: str, code: int) -> str:
        """Return the driver's name of one of its errors."""
        text = ctypes.c_char_p()
        getattr(self.library, name)(code, ctypes.byref(text))
        return (text.value or b"an unknown error").decode(errors="replace")

    def number(self, name: str, *arguments: object) -> int:
        """Return the int that a function writes to its first argument."""
        value = ctypes.c_int()
        self.call(name, ctypes.byref(value), *arguments)
        return value.value

    def device(self, index: int) -> tuple[str, str, int]:
        """Return a description of a device, its compute capability, and its memory in bytes."""
        handle = self.number("cuDeviceGet", index)
        name = ctypes.create_string_buffer(_NAME_BYTES)
        self.call("cuDeviceGetName", name, _NAME_BYTES, handle)
        total = ctypes.c_size_t()
        self.call("cuDeviceTotalMem_v2", ctypes.byref(total), handle)
        major, minor = (self.number("cuDeviceGetAttribute", which, handle) for which in (MAJOR, MINOR))
        text, capability = name.value.decode(errors="replace"), f"{major}.{minor}"
        description = f"{text}, compute capability {capability}, {total.value / _GIB:.1f} GiB"
        return description, capability, total.value


def cuda() -> Reading:
    """Every device that the driver has: name, compute capability, memory; and the driver's version.

    Skipped if there is no driver or no device. A driver that does not work is a failure.
    """
    try:
        driver = Driver()
    except OSError as error:
        if str(error).startswith(f"{LIBRARY}: cannot open shared object file: No such file"):
            return "skipped", f"no {LIBRARY}, so no NVIDIA driver", {}
        return "failed", f"the driver can't be loaded: {error}", {}
    try:
        driver.call("cuInit", 0)
        count = driver.number("cuDeviceGetCount")
        version = driver.number("cuDriverGetVersion")
        found = [driver.device(index) for index in range(count)]
    except DriverError as error:
        if error.code in (NO_DEVICE, STUB):
            return "skipped", f"the driver has no device: {error}", {}
        return "failed", str(error), {}
    except AttributeError as error:
        return "failed", f"{LIBRARY} is not an NVIDIA driver: {error}", {}
    if not found:
        return "skipped", "the driver lists no device", {}
    kernel = kernel_version(VERSION.read_text()) if VERSION.exists() else ""
    for_cuda = f"{version // 1000}.{version % 1000 // 10}"
    driver_text = f"driver {kernel or 'of unknown version'} for CUDA {for_cuda}"
    metrics: dict[str, float | str] = {
        "devices": float(count),
        "memory_bytes": float(found[0][2]),
        "capability": found[0][1],
        "driver": kernel or f"cuda{for_cuda}",
    }
    return "passed", "; ".join([*(text for text, *_ in found), driver_text]), metrics


def kernel_version(text: str) -> str:
    """Return the version after the word `Module` in the kernel module's text, empty if there is none."""
    words = text.partition("\n")[0].split()
    rest = words[words.index("Module") + 1 :] if "Module" in words else []
    return next((word for word in rest if word[0].isdigit()), "")


def cpu() -> Reading:
    """The CPU's name, its processors and its memory."""
    lines = [line.partition(":") for path in (CPU, MEMORY) for line in path.read_text().splitlines()]
    values = {key.strip(): value.strip() for key, _, value in reversed(lines)}
    name, count = values.get("model name", "a CPU without a name"), len(os.sched_getaffinity(0))
    total = int(values["MemTotal"].split()[0]) * 1024
    metrics: dict[str, float | str] = {"processors": float(count), "memory_bytes": float(total)}
    return "passed", f"{name}, {count} processors, {total / _GIB:.1f} GiB", metrics
