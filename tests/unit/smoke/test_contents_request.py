"""What the steps of an image and its ancestors account for."""

from __future__ import annotations

from dataclasses import replace

from ci.catalog.stack import Smoke
from ci.smoke.contents_request import contents_request
from tests.stacks import file, image, sha, small_stack, with_image


def test_a_child_accounts_for_what_its_ancestors_and_itself_declare() -> None:
    stack = with_image(small_stack(), "base:cpu", smoke=Smoke(generated=("/etc/x*",)))
    stack = with_image(stack, "ml:cpu", libraries=("x/lib",))
    assert contents_request(stack, stack.get("asr:cpu")) == {
        "files": [
            ["/opt/app/contract/__init__.py", "0644", sha("x = 1\n"), ""],
            ["/opt/app/contract/logs.py", "0644", sha("y = 2\n"), ""],
            ["/opt/app/asr.py", "0644", sha("x = 1\n"), ""],
        ],
        "distributions": {"numpy": "1.0", "onnx": "1.0", "pyworld": "1.0", "whisper": "1.0"},
        "generated": ["/etc/x*"],
        "allows_generated": False,
        "paths": ["/etc/ld.so.cache", "/etc/ld.so.conf.d/ml.conf", "/home/app"],
        "venv": "/opt/venv",
        "python": "3.11",
        "user": "app",
        "uid": 1000,
        "gid": 1000,
    }


def test_only_installing_debian_packages_generates_files() -> None:
    stack = small_stack()
    allows = {one.id: contents_request(stack, one)["allows_generated"] for one in stack.images}
    assert [id_ for id_, value in allows.items() if value] == ["base:cpu", "mux:cpu"]


def test_a_childs_file_replaces_the_one_of_its_parent() -> None:
    stack = small_stack()
    child = image("child", "base:cpu", files=(replace(file("contract/logs.py", "z = 3\n"), path="logs.py"),))
    stack = replace(stack, images=(*stack.images, child))
    files = contents_request(stack, child)["files"]
    assert {one[0]: one[2] for one in files}["/opt/app/contract/logs.py"] == sha("z = 3\n")
