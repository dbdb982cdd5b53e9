from __future__ import annotations

import os
from pathlib import Path

import pytest

from bench.peers.contents import BYTECODE, contents, group

SITE = "/opt/venv/lib/python3.11/site-packages"


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (f"{SITE}/torch/lib/libtorch.so", "torch"),
        (f"{SITE}/numpy.libs/libgfortran.so", "numpy"),
        (f"{SITE}/nvidia/cudnn/lib/libcudnn.so.9", "nvidia/cudnn"),
        (f"{SITE}/torch-2.8.0.dist-info/RECORD", "metadata of distributions"),
        (f"{SITE}/six.py", "six.py"),
        (f"{SITE}/torch/__pycache__/a.cpython-311.pyc", BYTECODE),
        ("/usr/lib/x86_64-linux-gnu/libc.so.6", "usr/lib"),
        ("/opt/app/asr.py", "opt/app"),
        ("/file", "file"),
    ],
)
def test_a_file_belongs_to_its_package_or_to_the_top_of_its_path(path: str, expected: str) -> None:
    assert group(path) == expected


def test_contents_count_a_file_with_two_names_once_and_no_link_target(tmp_path: Path) -> None:
    (tmp_path / "usr/bin").mkdir(parents=True)
    (tmp_path / "usr/bin/tool").write_bytes(b"x" * 1000)
    os.link(tmp_path / "usr/bin/tool", tmp_path / "usr/bin/same")
    (tmp_path / "usr/bin/link").symlink_to("tool")
    (tmp_path / "file").write_bytes(b"x" * 10)
    assert contents(tmp_path) == {"usr/bin": 1000 + len("tool"), "file": 10}
