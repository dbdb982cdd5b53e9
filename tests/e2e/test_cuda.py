"""The CUDA variants on a machine without a GPU, and their CPU fallbacks."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ci.catalog.load import load_stack
from ci.settings import Settings
from ci.smoke.size import LAYER_BYTES
from tests.e2e.conftest import RunStage
from tests.e2e.container import buildah, mounted, run

pytestmark = [pytest.mark.engine, pytest.mark.cuda]

STACK = load_stack(Path(__file__).parents[2] / "docker")
CUDA = [image.id for image in STACK.images if image.variant == "cuda"]
STAGES = [id_ for id_ in CUDA if id_ not in ("base:cuda", "base-ml:cuda")]
FALLBACKS = [id_.replace(":cuda", ":cpu") for id_ in STAGES]
SITE = "opt/venv/lib/python3.11/site-packages"
STUBS = "ctranslate2.libs"
"""ctranslate2's wheel, for either variant, brings a cuDNN of 126 kB that only loads the real one."""

LOOK = """
import json, os, re, sys
def mapped():
    found = {line.split(maxsplit=5)[5].strip() for line in open("/proc/self/maps") if "/" in line}
    return sorted(path for path in found if ".so" in path)
"""
BY_NAME = (
    LOOK
    + """
import ctypes, glob
names = set()
for path in glob.glob("/opt/venv/lib/python3.11/site-packages/ctranslate2.libs/libctranslate2*"):
    content = open(path, "rb").read()
    names |= {name.decode() for name in re.findall(rb"lib(?:cublas|cudnn)[a-z_]*[.]so[.][0-9]+", content)}
for name in sorted(names):
    ctypes.CDLL(name)
alone = mapped()
import ctranslate2
devices = ctranslate2.get_cuda_device_count()
print(json.dumps({"names": sorted(names), "alone": alone, "devices": devices}))
"""
)
TORCH = (
    LOOK
    + """
import torch, onnxruntime
values = (torch.arange(6.0).reshape(2, 3) @ torch.ones(3, 2)).tolist()
print(json.dumps({"cuda": torch.version.cuda, "there": torch.cuda.is_available(), "values": values,
                  "providers": onnxruntime.get_available_providers(), "mapped": mapped()}))
"""
)


def layers_of(settings: Settings, id_: str) -> list[tuple[str, int]]:
    manifest = json.loads(
        json.loads(run(buildah(settings).inspect(f"localhost/dockwright/{id_}")))["Manifest"]
    )
    return [(layer["digest"], layer["size"]) for layer in manifest["layers"]]


def of_cuda(paths: list[str]) -> list[str]:
    marks = ("libcu", "libnv", "libnccl", "libtorch", "libc10")
    return [path for path in paths if path.rpartition("/")[2].startswith(marks)]


def test_ctranslate2_gets_its_cuda_libraries_by_name_from_the_wheels_without_torch(
    run_stage: RunStage,
) -> None:
    done = run_stage("asr:cuda", ["-c", BY_NAME], entrypoint=["python"])
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert {"libcublas.so.12", "libcudnn.so.9"} <= set(seen["names"])
    found = of_cuda(seen["alone"])
    assert [name for name in seen["names"] if not any(path.endswith(f"/{name}") for path in found)] == []
    assert [path for path in found if not path.startswith(f"/{SITE}/nvidia/")] == []
    assert seen["devices"] == 0


def test_torch_and_onnxruntime_load_only_libraries_of_the_wheels(run_stage: RunStage) -> None:
    done = run_stage("asr:cuda", ["-c", TORCH], entrypoint=["python"])
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert (seen["cuda"], seen["there"], seen["values"]) == ("12.8", False, [[3.0, 3.0], [12.0, 12.0]])
    assert "CPUExecutionProvider" in seen["providers"]
    found = of_cuda(seen["mapped"])
    assert {"libtorch_cuda.so", "libcudart.so.12", "libcublasLt.so.12", "libcudnn.so.9", "libnccl.so.2"} <= {
        path.rpartition("/")[2] for path in found
    }
    assert [path for path in found if not path.startswith(f"/{SITE}/")] == []
    assert [
        path for path in seen["mapped"] if "onnxruntime" in path and not path.startswith(f"/{SITE}/")
    ] == []


@pytest.mark.parametrize("id_", STAGES)
def test_a_gpu_stage_inherits_the_one_torch_and_brings_none(id_: str, settings: Settings) -> None:
    below, own = layers_of(settings, "base-ml:cuda"), layers_of(settings, id_)
    assert own[: len(below)] == below
    assert sum(size for _, size in own[len(below) :]) < 10**9
    with mounted(settings, f"localhost/dockwright/{id_}") as (root, config):
        torches = sorted(path.name for path in (root / SITE).glob("torch-*.dist-info"))
    assert torches == ["torch-2.8.0.dist-info"]
    env = dict(text.partition("=")[::2] for text in config["Env"])
    assert env["NVIDIA_VISIBLE_DEVICES"] == "all"
    assert env["NVIDIA_DRIVER_CAPABILITIES"] == "compute,utility"


@pytest.mark.parametrize("id_", FALLBACKS)
def test_a_cpu_fallback_has_no_torch_and_nothing_of_nvidia(id_: str, settings: Settings) -> None:
    with mounted(settings, f"localhost/dockwright/{id_}") as (root, config):
        names = [path.name.lower() for path in (root / SITE).iterdir()]
        found = [path for path in (root / "opt/venv").rglob("lib*.so*") if path.parent.name != STUBS]
        libraries = [path.name for path in found]
    assert [name for name in names if name.startswith(("torch", "nvidia", "triton"))] == []
    assert of_cuda(libraries) == []
    assert [text for text in config["Env"] if text.startswith("NVIDIA_")] == []


def test_what_marks_cuda_is_seen_where_it_is(settings: Settings) -> None:
    with mounted(settings, "localhost/dockwright/base-ml:cuda") as (root, _):
        libraries = [path.name for path in (root / "opt/venv").rglob("lib*.so*")]
    assert len(of_cuda(libraries)) > 20


@pytest.mark.parametrize("id_", CUDA)
def test_no_layer_is_over_two_gigabytes(id_: str, settings: Settings) -> None:
    assert [layer for layer in layers_of(settings, id_) if layer[1] > LAYER_BYTES] == []


def test_the_loaders_folders_are_written_by_one_image(settings: Settings) -> None:
    writers = [id_ for id_ in CUDA if any("ldconfig" in text for text in created_by(settings, id_))]
    with mounted(settings, "localhost/dockwright/base-ml:cuda") as (root, _):
        folders = (root / "etc/ld.so.conf.d/base-ml.conf").read_text().splitlines()
        left = (root / "var/cache/ldconfig/aux-cache").exists()
    assert f"/{SITE}/nvidia/cudnn/lib" in folders
    assert not left
    assert set(writers) == {"base-ml:cuda", *STAGES}
    for id_ in STAGES:
        assert sum("ldconfig" in text for text in created_by(settings, id_)) == 1


def created_by(settings: Settings, id_: str) -> list[str]:
    config = json.loads(run(buildah(settings).inspect(f"localhost/dockwright/{id_}")))["OCIv1"]
    return [
        entry.get("created_by", "").replace("/var/cache/ldconfig/aux-cache", "")
        for entry in config["history"]
    ]
