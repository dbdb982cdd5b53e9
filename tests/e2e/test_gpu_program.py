"""What is checked on a GPU, run on the CPU: here, and in the images by their own users, offline."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from ci.smoke.program import gpu_checks
from ci.smoke.program.gpu_checks import DEVICE, WHATS, read
from tests.e2e.conftest import RunStage

CUDA_IMAGES = [pytest.param(one, marks=pytest.mark.cuda) for one in ("base-ml:cuda", "asr:cuda")]
INSIDE = "/run/probe"
SITE = "/opt/venv/lib/python3.11/site-packages"
TORCH = {what for what in WHATS if what not in (DEVICE, "ctranslate2", "onnxruntime")}
LACKS = {"base-ml:cuda": {"ctranslate2", "onnxruntime"}, "asr:cuda": set[str](), "asr:cpu": TORCH}
WRONG_PRODUCTS = """
import importlib.abc, importlib.util, sys

class Hook(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name != "torch":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        sys.meta_path.insert(0, self)
        load = spec.loader.exec_module
        def exec_module(torch):
            load(torch)
            right = torch.Tensor.__matmul__
            def wrong(one, other):
                product = right(one, other)
                return product if product.dtype == torch.float64 else product * 1.01
            torch.Tensor.__matmul__ = wrong
        spec.loader.exec_module = exec_module
        return spec

sys.meta_path.insert(0, Hook())
"""
"""Makes each product, apart from the reference's, wrong by one in a hundred."""
STARTED = f"import sys; exec(open('{SITE}/wrong_products').read(), {{}})\n"
"""A line of a .pth file, which Python runs when it starts. Source: Python library reference, site."""


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """The program as the image's user can read it, whatever our umask is."""
    folder = tmp_path / "program"
    shutil.copytree(Path(gpu_checks.__file__).parent, folder, ignore=shutil.ignore_patterns("__pycache__"))
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    return folder


def ask(
    run_stage: RunStage,
    image: str,
    what: str,
    device: str,
    mounts: dict[Path, str],
    env: dict[str, str] | None = None,
) -> tuple[str, str]:
    """Return what the program answers in an image: the only line of its standard output."""
    words = ["-I", "-B", f"{INSIDE}/gpu.py", what, "--device", device]
    done = run_stage(image, words, mounts, entrypoint=["python"], env=env)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("\n") == 1, done.stdout
    value = json.loads(done.stdout)
    return value["status"], value["detail"]


def test_a_check_has_a_process_of_its_own_and_its_answer_is_read() -> None:
    status, detail, metrics = read("device", "cpu", 60.0)
    assert status == "passed", detail
    assert set(metrics) == {"processors", "memory_bytes"}


def test_a_check_that_hangs_is_ended_and_fails() -> None:
    assert read("device", "cpu", 0.001) == (
        "failed",
        "was still running after 0.001 s, so it was ended",
        {},
    )


@pytest.mark.engine
@pytest.mark.parametrize("what", WHATS)
@pytest.mark.parametrize("image", ["asr:cpu", *CUDA_IMAGES])
def test_every_check_passes_on_the_cpu_where_its_library_is(
    image: str, what: str, run_stage: RunStage, program: Path
) -> None:
    status, detail = ask(run_stage, image, what, "cpu", {program: INSIDE})
    if what in LACKS[image]:
        library = what if what in ("ctranslate2", "onnxruntime") else "torch"
        assert (status, detail) == ("skipped", f"{library} is not installed")
    else:
        assert status == "passed", detail


@pytest.mark.engine
@pytest.mark.parametrize("image", ["asr:cpu", *CUDA_IMAGES])
def test_without_a_driver_the_device_is_skipped(image: str, run_stage: RunStage, program: Path) -> None:
    said = ("skipped", "no libcuda.so.1, so no NVIDIA driver")
    assert ask(run_stage, image, DEVICE, "cuda", {program: INSIDE}) == said


@pytest.mark.engine
@pytest.mark.parametrize("image", ["asr:cpu", *CUDA_IMAGES])
def test_a_driver_that_is_none_is_a_failure(
    image: str, run_stage: RunStage, program: Path, tmp_path: Path
) -> None:
    driver = tmp_path / "driver"
    driver.mkdir(mode=0o755)
    (driver / "libcuda.so.1").symlink_to("/lib/x86_64-linux-gnu/libm.so.6")
    mounts, env = {program: INSIDE, driver: "/run/driver"}, {"LD_LIBRARY_PATH": "/run/driver"}
    status, detail = ask(run_stage, image, DEVICE, "cuda", mounts, env)
    assert (status, detail.partition(":")[0]) == ("failed", "libcuda.so.1 is not an NVIDIA driver")


@pytest.mark.engine
@pytest.mark.cuda
@pytest.mark.parametrize("what", sorted(TORCH | {"ctranslate2"}))
def test_a_gpu_that_is_gone_after_it_was_seen_is_a_failure(
    what: str, run_stage: RunStage, program: Path
) -> None:
    status, detail = ask(run_stage, "asr:cuda", what, "cuda", {program: INSIDE})
    assert (status, "CUDA" in detail or "NVIDIA" in detail) == ("failed", True), detail


@pytest.mark.engine
@pytest.mark.cuda
@pytest.mark.parametrize("what", ["matmul-fp32", "matmul-fp16", "matmul-bf16"])
def test_wrong_products_are_seen(what: str, run_stage: RunStage, program: Path, tmp_path: Path) -> None:
    mounts = {program: INSIDE}
    for name, text in (("wrong_products", WRONG_PRODUCTS), ("wrong_products.pth", STARTED)):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o644)
        mounts[tmp_path / name] = f"{SITE}/{name}"
    status, detail = ask(run_stage, "base-ml:cuda", what, "cpu", mounts)
    assert (status, detail.startswith("largest error ")) == ("failed", True), detail
