from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest

from ci.catalog.stack import Smoke
from ci.smoke.contents_request import contents_request
from ci.smoke.probe_program import present_suite
from ci.smoke.probe_request import COMPILERS, INSTALLERS, smoke_request
from tests.stacks import image, small_stack, with_image


def test_a_child_also_checks_what_its_ancestors_declare() -> None:
    stack = with_image(
        small_stack(),
        "base:cpu",
        smoke=Smoke(
            imports=(("numpy", "numpy.core"),),
            commands=(("python", "-V"),),
            runs=(("python", "smoke/look.py"),),
            unresolved=("libx.so",),
        ),
    )
    stack = with_image(
        stack,
        "asr:cpu",
        smoke=Smoke(
            commands=(("ffmpeg", "-version"), ("python", "-V")),
            runs=(("python", "smoke/run.py", "-v"),),
            unresolved=("liby.so", "libx.so"),
        ),
    )
    request = smoke_request(stack, stack.get("asr:cpu"))
    assert request.pop("contents") == contents_request(stack, stack.get("asr:cpu"))
    assert request == {
        "user": "app",
        "uid": 1000,
        "gid": 1000,
        "python": "3.11",
        "distributions": {"numpy": "numpy.core", "onnx": "", "pyworld": "", "whisper": ""},
        "files": {
            "/opt/app/contract/__init__.py": "base/contract/__init__.py",
            "/opt/app/contract/logs.py": "base/contract/logs.py",
            "/opt/app/asr.py": "asr/asr.py",
        },
        "entrypoint_module": {
            "module": "",
            "attribute": "",
            "file": "/opt/app/asr.py",
            "folders": [""],
            "env": [],
            "cwd": "",
            "is_program": False,
        },
        "help": ["/usr/bin/tini", "--", "python", "/opt/app/asr.py", "--help"],
        "commands": [["python", "-V"], ["ffmpeg", "-version"]],
        "runs": {
            "python smoke/look.py of base": ["python", "/run/probe/inputs/base/look.py"],
            "python smoke/run.py -v of asr": ["python", "/run/probe/inputs/asr/run.py", "-v"],
        },
        "needs": {
            "programs": ["closure", "imports"],
            "cuda": ["closure"],
            "gpu": ["closure", "imports", "cuda"],
        },
        "gpu_device": "cuda",
        "unresolved_allowed": ["libx.so", "liby.so"],
        "compilers": COMPILERS,
        "installers": INSTALLERS,
        "start": [],
        "command_limit_s": 60.0,
        "start_limit_s": 5.0,
        "run_limit_s": 120.0,
        "import_limit_s": 120.0,
        "contents_limit_s": 600.0,
    }


def test_a_child_may_say_what_its_parents_distribution_is_imported_by() -> None:
    stack = with_image(small_stack(), "ml:cpu", smoke=Smoke(imports=(("numpy", "numpy.linalg"),)))
    assert smoke_request(stack, stack.get("base:cpu"))["distributions"] == {"numpy": ""}
    assert smoke_request(stack, stack.get("asr:cpu"))["distributions"]["numpy"] == "numpy.linalg"


def test_the_drivers_library_may_be_missing_in_a_cuda_variant_alone() -> None:
    stack = small_stack()
    cuda = image("base", "outside:python", "cuda")
    stack = replace(stack, images=(*stack.images, cuda))
    assert smoke_request(stack, cuda)["unresolved_allowed"] == ["libcuda.so.1"]
    assert smoke_request(stack, stack.get("base:cpu"))["unresolved_allowed"] == []


def test_help_is_asked_behind_the_init_of_python_where_there_is_no_program() -> None:
    stack = small_stack()
    assert smoke_request(stack, stack.get("ml:cpu"))["help"] == ["/usr/bin/tini", "--", "python", "--help"]
    silent = with_image(stack, "asr:cpu", smoke=Smoke(help=False))
    assert smoke_request(silent, silent.get("asr:cpu"))["help"] == []


def test_a_program_that_is_not_asked_for_help_is_started_as_a_container_starts_it() -> None:
    stack = with_image(small_stack(), "asr:cpu", smoke=Smoke(help=False))
    start = smoke_request(stack, stack.get("asr:cpu"))["start"]
    assert start == ["/usr/bin/tini", "--", "python", "/opt/app/asr.py"]
    without = with_image(stack, "asr:cpu", smoke=Smoke(help=False, start=False))
    assert smoke_request(without, without.get("asr:cpu"))["start"] == []
    ml = with_image(stack, "ml:cpu", smoke=Smoke(help=False))
    assert smoke_request(ml, ml.get("ml:cpu"))["start"] == ["/usr/bin/tini", "--", "python"]


def test_the_suite_changes_with_what_is_started() -> None:
    stacks = [
        with_image(small_stack(), "asr:cpu", smoke=smoke)
        for smoke in (Smoke(), Smoke(help=False), Smoke(help=False, start=False))
    ]
    assert len({present_suite(stack, stack.get("asr:cpu"), "all") for stack in stacks}) == 3


def test_the_module_of_the_entrypoint_is_imported_unless_that_is_switched_off() -> None:
    stack = with_image(small_stack(), "asr:cpu", entrypoint=("uvicorn", "api:app"))
    target = smoke_request(stack, stack.get("asr:cpu"))["entrypoint_module"]
    assert (target["module"], target["attribute"]) == ("api", "app")
    without = with_image(stack, "asr:cpu", smoke=Smoke(import_entrypoint=False))
    assert smoke_request(without, without.get("asr:cpu"))["entrypoint_module"] is None


def test_a_child_without_a_program_of_its_own_is_asked_for_its_parents() -> None:
    stack = small_stack()
    child = image("child", "asr:cpu")
    stack = replace(stack, images=(*stack.images, child))
    assert smoke_request(stack, child)["help"][2:4] == ["python", "/opt/app/asr.py"]


def test_what_is_switched_off_about_a_program_is_off_in_images_that_inherit_it() -> None:
    stack = with_image(small_stack(), "asr:cpu", smoke=Smoke(help=False, import_entrypoint=False))
    child, other = image("child", "asr:cpu"), image("other", "asr:cpu", entrypoint=("other",))
    stack = replace(stack, images=(*stack.images, child, other))
    inherited, own = smoke_request(stack, child), smoke_request(stack, other)
    assert (inherited["help"], inherited["entrypoint_module"]) == ([], None)
    assert inherited["start"][2:] == ["python", "/opt/app/asr.py"]
    assert (own["help"][2:], own["start"]) == (["other", "--help"], [])
    silent = with_image(stack, "asr:cpu", smoke=Smoke(help=False, start=False))
    assert smoke_request(silent, child)["start"] == []


def test_the_nearest_program_is_the_images() -> None:
    stack = with_image(small_stack(), "base:cpu", entrypoint=("python", "-m", "base"))
    assert smoke_request(stack, stack.get("asr:cpu"))["help"][2:4] == ["python", "/opt/app/asr.py"]
    assert smoke_request(stack, stack.get("ml:cpu"))["help"][2:5] == ["python", "-m", "base"]


def test_a_request_is_json() -> None:
    stack = small_stack()
    request = smoke_request(stack, stack.get("asr:cpu"))
    assert json.loads(json.dumps(request)) == request


@pytest.mark.parametrize(
    "name",
    [
        "gcc",
        "g++-12",
        "x86_64-linux-gnu-gcc-12",
        "cc",
        "clang++-14",
        "ld.bfd",
        "as",
        "cython3",
        "rustc",
        "nvcc",
    ],
)
def test_a_compiler_is_known_by_its_file_name(name: str) -> None:
    assert re.fullmatch(COMPILERS, name)


@pytest.mark.parametrize(
    "name", ["ldd", "ldconfig", "python3.11", "asr", "ccache-swig", "cmp", "gold", "made"]
)
def test_another_program_is_no_compiler(name: str) -> None:
    assert not re.fullmatch(COMPILERS, name)


def test_installers_are_known_by_their_file_names() -> None:
    assert all(re.fullmatch(INSTALLERS, name) for name in ("pip", "pip3", "pip3.11", "uv", "uvx"))
    assert not re.fullmatch(INSTALLERS, "uvicorn")
