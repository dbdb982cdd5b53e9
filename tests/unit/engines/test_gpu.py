from __future__ import annotations

from pathlib import Path

import pytest

from ci.engines.gpu import Gpu, docker_options, find_gpu, podman_options

LIB = "/usr/lib/x86_64-linux-gnu"
CUDA, ML = f"{LIB}/libcuda.so.1", f"{LIB}/libnvidia-ml.so.1"
NODES = ("nvidia0", "nvidiactl", "nvidia-uvm")


def devices(root: Path, *names: str) -> None:
    for name in names:
        path = root / "dev" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to("/dev/null")  # a real device node needs privileges


def library(root: Path, path: str, real: str = "") -> Path:
    """Write a library, under its own name and with a link of its soname."""
    link = root / path.lstrip("/")
    link.parent.mkdir(parents=True, exist_ok=True)
    own = link.with_name(real or link.name)
    own.write_bytes(b"\x7fELF")
    if real:
        link.symlink_to(real)
    return own


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    devices(tmp_path, *NODES)
    library(tmp_path, CUDA, "libcuda.so.570.124.06")
    return tmp_path


def gpu(root: Path, cached: str = "") -> Gpu:
    found = find_gpu(root, cached)
    assert isinstance(found, Gpu), found
    return found


def test_what_a_container_needs_is_found_and_its_place_is_told(machine: Path) -> None:
    devices(machine, "nvidia-uvm-tools", "nvidia-caps/nvidia-cap1", "nvidia10", "nvidia2", "nvidia-modeset")
    (machine / "dev/nvidia-caps/notes").touch()
    ml = library(machine, ML, "libnvidia-ml.so.570.124.06")
    nvvm = library(machine, f"{LIB}/libnvidia-nvvm.so.4", "libnvidia-nvvm.so.570.124.06")
    compiler = library(machine, f"{LIB}/libnvidia-gpucomp.so.570.124.06")
    library(machine, f"{LIB}/libnvidia-gpucomp.so.550.54")
    library(machine, f"{LIB}/libnvidia-glcore.so.570.124.06")
    smi = library(machine, "/usr/bin/nvidia-smi")
    version = machine / "proc/driver/nvidia/version"
    version.parent.mkdir(parents=True)
    version.write_text(
        "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  570.133.20  Release\nGCC version: 12\n"
    )
    cuda = machine / f"{LIB[1:]}/libcuda.so.570.124.06"
    nodes = (
        "nvidia0",
        "nvidia2",
        "nvidia10",
        "nvidiactl",
        "nvidia-uvm",
        "nvidia-uvm-tools",
        "nvidia-caps/nvidia-cap1",
    )
    assert gpu(machine) == Gpu(
        devices=tuple((machine / "dev" / name, f"/dev/{name}") for name in nodes),
        libraries=(
            (cuda, f"{LIB}/libcuda.so.1"),
            (cuda, f"{LIB}/libcuda.so.570.124.06"),
            (ml, f"{LIB}/libnvidia-ml.so.1"),
            (ml, f"{LIB}/libnvidia-ml.so.570.124.06"),
            (nvvm, f"{LIB}/libnvidia-nvvm.so.4"),
            (nvvm, f"{LIB}/libnvidia-nvvm.so.570.124.06"),
            (compiler, f"{LIB}/libnvidia-gpucomp.so.570.124.06"),
        ),
        programs=((smi, "/usr/bin/nvidia-smi"),),
        driver="570.133.20",
    )


def test_the_library_tells_the_version_where_the_kernel_tells_none(machine: Path) -> None:
    assert gpu(machine).driver == "570.124.06"


def test_what_the_loader_knows_comes_before_the_usual_folders(machine: Path) -> None:
    other = library(machine, "/opt/driver/libcuda.so.1", "libcuda.so.580.65")
    narrow = library(machine, "/opt/narrow/libcuda.so.1", "libcuda.so.390.1")
    cached = (
        "2 libs found in cache `/etc/ld.so.cache'\n"
        f"\tlibcuda.so.1 (libc6) => /{narrow.relative_to(machine)}\n"
        "\tlibcuda.so.1 (libc6,x86-64) => /opt/gone/libcuda.so.1\n"
        "\tlibcuda.so.1 (libc6,x86-64, OS ABI: Linux 2.6.32) => /opt/driver/libcuda.so.1\n"
    )
    assert gpu(machine, cached).libraries == (
        (other, f"{LIB}/libcuda.so.1"),
        (other, f"{LIB}/libcuda.so.580.65"),
    )


@pytest.mark.parametrize("folder", ["usr/lib64", "usr/local/nvidia/lib64", f"{LIB[1:]}/nvidia/current"])
def test_a_driver_lies_where_the_distribution_puts_it(folder: str, tmp_path: Path) -> None:
    devices(tmp_path, *NODES)
    real = library(tmp_path, f"/{folder}/libcuda.so.1", "libcuda.so.535.261.03")
    assert gpu(tmp_path).libraries[0] == (real, f"{LIB}/libcuda.so.1")


def test_a_program_of_a_cluster_has_its_usual_place_inside(machine: Path) -> None:
    smi = library(machine, "/usr/local/nvidia/bin/nvidia-smi")
    assert gpu(machine).programs == ((smi, "/usr/bin/nvidia-smi"),)
    nearer = library(machine, "/usr/bin/nvidia-smi")
    assert gpu(machine).programs == ((nearer, "/usr/bin/nvidia-smi"),)


@pytest.mark.parametrize(
    ("nodes", "why"),
    [
        ((), "there is no /dev/nvidia0, nor another GPU of NVIDIA"),
        (("nvidiactl", "nvidia-uvm"), "there is no /dev/nvidia0, nor another GPU of NVIDIA"),
        (("nvidia3", "nvidia-uvm"), "there is no /dev/nvidiactl, without which nvidia3 can't be used"),
        (("nvidia0", "nvidiactl"), "there is no /dev/nvidia-uvm, without which nvidia0 can't be used"),
        (NODES, "libcuda.so.1 of the driver is not to be found"),
    ],
)
def test_why_there_is_no_gpu_is_said(nodes: tuple[str, ...], why: str, tmp_path: Path) -> None:
    devices(tmp_path, *nodes)
    assert find_gpu(tmp_path) == why


def test_a_folder_with_the_name_of_a_device_and_an_empty_library_are_none(tmp_path: Path) -> None:
    (tmp_path / "dev/nvidia0").mkdir(parents=True)  # Docker makes one for a device that isn't there
    assert find_gpu(tmp_path) == "there is no /dev/nvidia0, nor another GPU of NVIDIA"
    devices(tmp_path, "nvidia1", "nvidiactl", "nvidia-uvm")
    library(tmp_path, CUDA).write_bytes(b"")
    assert find_gpu(tmp_path) == "libcuda.so.1 of the driver is not to be found"


def test_container_programs_are_asked_in_their_own_words() -> None:
    assert (docker_options(), podman_options()) == (("--gpus", "all"), ("--device", "nvidia.com/gpu=all"))
