"""One file per distribution."""

from __future__ import annotations

import pytest

from ci.locks.choice import ReleaseFile, choose_file, supported_tags

TAGS = supported_tags("3.11")


def chosen(*names: str) -> str | None:
    file = choose_file([ReleaseFile(name=name, sha256="0" * 64) for name in names], TAGS)
    return file.name if file else None


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        ("a-1-cp311-cp311-manylinux_2_28_x86_64.whl", "a-1-cp311-cp311-manylinux2014_x86_64.whl"),
        ("a-1-cp311-cp311-manylinux_2_17_x86_64.whl", "a-1-cp311-abi3-manylinux_2_28_x86_64.whl"),
        ("a-1-cp311-abi3-manylinux_2_17_x86_64.whl", "a-1-cp38-abi3-manylinux_2_17_x86_64.whl"),
        ("a-1-cp38-abi3-manylinux_2_17_x86_64.whl", "a-1-py3-none-manylinux_2_17_x86_64.whl"),
        ("a-1-py3-none-manylinux1_x86_64.whl", "a-1-py3-none-any.whl"),
        ("a-1-py3-none-any.whl", "a-1.tar.gz"),
        ("a-1-2-py3-none-any.whl", "a-1-1-py3-none-any.whl"),
        ("a-1.tar.gz", "a-1.zip"),
        (
            "a-1-cp311-cp311-manylinux2014_x86_64.manylinux_2_28_x86_64.whl",
            "a-1-cp311-cp311-manylinux_2_17_x86_64.whl",
        ),
    ],
)
def test_the_better_file_is_chosen_in_either_order(better: str, worse: str) -> None:
    assert chosen(better, worse) == chosen(worse, better) == better


@pytest.mark.parametrize(
    "name",
    [
        "a-1-cp312-cp312-manylinux_2_17_x86_64.whl",
        "a-1-cp312-abi3-manylinux_2_17_x86_64.whl",
        "a-1-cp311-cp311-manylinux_2_17_aarch64.whl",
        "a-1-cp311-cp311-musllinux_1_2_x86_64.whl",
        "a-1-cp311-cp311-manylinux_2_39_x86_64.whl",
        "a-1-cp311-cp311-win_amd64.whl",
        "a-1-cp311-cp311-macosx_11_0_x86_64.whl",
        "a-1.exe",
        "not a wheel.whl",
    ],
)
def test_a_file_for_another_machine_is_never_chosen(name: str) -> None:
    assert chosen(name) is None
    assert chosen(name, "a-1.tar.gz") == "a-1.tar.gz"


def test_an_older_glibc_takes_fewer_wheels() -> None:
    wheel = ReleaseFile(name="a-1-cp311-cp311-manylinux_2_28_x86_64.whl", sha256="0" * 64)
    assert choose_file([wheel], supported_tags("3.11", (2, 27))) is None
    assert choose_file([wheel], supported_tags("3.11", (2, 28))) == wheel
