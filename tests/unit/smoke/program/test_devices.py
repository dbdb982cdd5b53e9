from __future__ import annotations

import ctypes
import os
from pathlib import Path

import pytest

from ci.smoke.program import devices as driver
from ci.smoke.program.reading import Reading

ONE = "First, compute capability 9.0, 80.0 GiB"


class Library:
    """What libcuda answers, without one: a function writes where its arguments point to."""

    def __init__(self, *devices: str, code: int = 0) -> None:
        self.devices, self.code = devices, code

    def cuInit(self, flags: int) -> int:  # noqa: N802
        return self.code

    def cuGetErrorName(self, code: int, text: object) -> int:  # noqa: N802
        text._obj.value = {100: b"CUDA_ERROR_NO_DEVICE", 34: b"CUDA_ERROR_STUB_LIBRARY"}.get(code)  # type: ignore[attr-defined]
        return 0

    def cuDeviceGetCount(self, count: object) -> int:  # noqa: N802
        count._obj.value = len(self.devices)  # type: ignore[attr-defined]
        return 0

    def cuDriverGetVersion(self, version: object) -> int:  # noqa: N802
        version._obj.value = 12080  # type: ignore[attr-defined]
        return 0

    def cuDeviceGet(self, handle: object, index: int) -> int:  # noqa: N802
        handle._obj.value = index  # type: ignore[attr-defined]
        return 0

    def cuDeviceGetName(self, name: ctypes.Array[ctypes.c_char], size: int, handle: int) -> int:  # noqa: N802
        name.value = self.devices[handle].encode()[: size - 1]
        return 0

    def cuDeviceTotalMem_v2(self, total: object, handle: int) -> int:  # noqa: N802
        total._obj.value = 80 * 2**30 + handle  # type: ignore[attr-defined]
        return 0

    def cuDeviceGetAttribute(self, value: object, which: int, handle: int) -> int:  # noqa: N802
        value._obj.value = {75: 9, 76: handle}[which]  # type: ignore[attr-defined]
        return 0


def seen(library: Library, monkeypatch: pytest.MonkeyPatch, version: Path) -> Reading:
    monkeypatch.setattr(ctypes, "CDLL", lambda _name: library)
    monkeypatch.setattr(driver, "VERSION", version)
    return driver.cuda()


def test_every_device_is_told_with_its_capability_and_the_driver(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    version = tmp_path / "version"
    version.write_text(
        "NVRM version: NVIDIA UNIX x86_64 Kernel Module  570.124.06  Wed Feb 26 01:59:27 UTC 2025\nGCC: 12\n"
    )
    assert seen(Library("First", "Second"), monkeypatch, version) == (
        "passed",
        f"{ONE}; Second, compute capability 9.1, 80.0 GiB; driver 570.124.06 for CUDA 12.8",
        {"devices": 2.0, "memory_bytes": 80.0 * 2**30, "capability": "9.0", "driver": "570.124.06"},
    )
    assert seen(Library("First"), monkeypatch, tmp_path / "nowhere") == (
        "passed",
        f"{ONE}; driver of unknown version for CUDA 12.8",
        {"devices": 1.0, "memory_bytes": 80.0 * 2**30, "capability": "9.0", "driver": "cuda12.8"},
    )


def test_the_open_kernel_module_tells_its_version_too() -> None:
    text = (
        "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.65.06  Release Build  (dvs-builder)\n"
    )
    assert driver.kernel_version(text) == "580.65.06"
    assert driver.kernel_version("something else\n") == ""


@pytest.mark.parametrize(
    ("library", "reading"),
    [
        (Library(), ("skipped", "the driver lists no device", {})),
        (
            Library(code=100),
            ("skipped", "the driver has no device: cuInit failed: CUDA_ERROR_NO_DEVICE (100)", {}),
        ),
        (
            Library(code=34),
            ("skipped", "the driver has no device: cuInit failed: CUDA_ERROR_STUB_LIBRARY (34)", {}),
        ),
        (Library(code=803), ("failed", "cuInit failed: an unknown error (803)", {})),
    ],
)
def test_no_device_is_a_reason_to_skip_and_a_driver_that_does_not_work_is_none(
    library: Library, reading: Reading, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert seen(library, monkeypatch, tmp_path / "nowhere") == reading


def test_no_driver_is_a_reason_to_skip_and_a_library_that_is_none_is_not(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(driver, "LIBRARY", "libnosuchdriver.so.1")
    assert driver.cuda() == ("skipped", "no libnosuchdriver.so.1, so no NVIDIA driver", {})
    empty = tmp_path / "libcuda.so.1"
    empty.touch()
    monkeypatch.setattr(driver, "LIBRARY", str(empty))
    assert driver.cuda() == ("failed", f"the driver can't be loaded: {empty}: file too short", {})
    monkeypatch.setattr(driver, "LIBRARY", "libc.so.6")
    status, detail, _ = driver.cuda()
    assert (status, detail.partition(":")[0]) == ("failed", "libc.so.6 is not an NVIDIA driver")


def test_a_cpu_is_told_by_its_name_its_processors_and_its_memory(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "cpuinfo").write_text("processor\t: 0\nmodel name\t: A fast one\n\nprocessor\t: 1\n")
    (tmp_path / "meminfo").write_text("MemTotal:       25165824 kB\nMemFree:        1 kB\n")
    monkeypatch.setattr(driver, "CPU", tmp_path / "cpuinfo")
    monkeypatch.setattr(driver, "MEMORY", tmp_path / "meminfo")
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: {3, 5})
    metrics = {"processors": 2.0, "memory_bytes": 24.0 * 2**30}
    assert driver.cpu() == ("passed", "A fast one, 2 processors, 24.0 GiB", metrics)
