from __future__ import annotations

from pathlib import Path

import pytest

from ci.smoke.program.cuda import checks, judged, names
from tests.unit.smoke.program.elf_file import write_elf

CT2 = "ctranslate2.libs/libctranslate2-c75cca97.so.4.6.0"


def speak(path: Path, *strings: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"\x7fELF\0" + b"\0".join(text.encode() for text in strings) + b"\0")


def test_the_libraries_that_a_wheel_opens_are_whole_strings_of_its_objects(tmp_path: Path) -> None:
    speak(
        tmp_path / CT2,
        "libcublas.so.12",
        "no libcufft.so.11",
        "libcudnn.so.9",
        "libcufft.so.11@9",
        "libz.so.1",
    )
    speak(tmp_path / "onnxruntime/capi/libonnxruntime_providers_cuda.so", "libcurand.so.10", "libcudnn.so.9")
    speak(tmp_path / "other/one.so", "libnvrtc.so.12")
    assert names(tmp_path) == ["libcublas.so.12", "libcudnn.so.9", "libcurand.so.10"]


def test_what_the_driver_brings_and_what_only_begins_alike_is_not_asked_of_an_image(tmp_path: Path) -> None:
    speak(
        tmp_path / CT2, "libcuda.so.1", "libnvidia-ml.so.1", "libnvcuvid.so.1", "libcurl.so.4", "libcups.so.2"
    )
    assert names(tmp_path) == []


def test_torch_needs_what_its_own_libraries_say(tmp_path: Path) -> None:
    needed = ["libcudart.so.12", "libnccl.so.2", "libcuda.so.1", "libc10.so", "libm.so.6"]
    write_elf(tmp_path / "torch/lib/libtorch_cuda.so", needed=needed)
    write_elf(tmp_path / "torch/lib/libtorch_cuda_linalg.so", needed=["libcusolver.so.11", "libcudart.so.12"])
    assert names(tmp_path) == ["libcudart.so.12", "libcusolver.so.11", "libnccl.so.2"]


def test_a_damaged_library_of_torch_is_told(tmp_path: Path) -> None:
    (tmp_path / "torch/lib").mkdir(parents=True)
    (tmp_path / "torch/lib/libtorch_cuda.so").write_bytes(b"\x7fELF\x02\x01\x01")
    with pytest.raises(ValueError, match=r"libtorch_cuda\.so: a damaged ELF file"):
        names(tmp_path)


def test_there_is_nothing_to_load_where_no_wheel_opens_anything(tmp_path: Path) -> None:
    assert checks(tmp_path / "nowhere") == []
    (tmp_path / "onnxruntime").mkdir()
    (tmp_path / "onnxruntime/empty.so").touch()
    assert checks(tmp_path) == []


def test_each_library_is_a_check_of_its_name(tmp_path: Path) -> None:
    speak(tmp_path / CT2, "libcudnn.so.9", "libcublas.so.12")
    assert [name for name, _ in checks(tmp_path)] == ["load libcublas.so.12", "load libcudnn.so.9"]


def test_a_library_of_a_wheel_is_the_one_and_is_told(tmp_path: Path) -> None:
    path = f"{tmp_path}/nvidia/cublas/lib/libcublas.so.12"
    told = {"path": path, "mapped": [path, "/usr/lib/libm.so.6", "/usr/lib/libcurl.so.4"]}
    assert judged(told, tmp_path) == ("passed", "nvidia/cublas/lib/libcublas.so.12")


def test_a_copy_of_the_base_or_of_the_machine_is_not_the_one(tmp_path: Path) -> None:
    path = f"{tmp_path}/nvidia/cublas/lib/libcublas.so.12"
    other = "/usr/lib/x86_64-linux-gnu/libcublasLt.so.12.8.4.1"
    assert judged({"path": other, "mapped": [other]}, tmp_path) == ("failed", f"not from a wheel: {other}")
    assert judged({"path": path, "mapped": [other, path]}, tmp_path) == (
        "failed",
        f"not from a wheel: {other}",
    )
    loaded_before = {"path": "/usr/local/cuda/lib64/libcudart.so.12", "mapped": []}
    assert judged(loaded_before, tmp_path) == ("failed", f"not from a wheel: {loaded_before['path']}")


def test_why_the_loader_refuses_is_told(tmp_path: Path) -> None:
    why = "libcublas.so.12: cannot open shared object file: No such file or directory"
    assert judged({"error": why}, tmp_path) == ("failed", why)
