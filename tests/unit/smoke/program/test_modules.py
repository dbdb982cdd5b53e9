from __future__ import annotations

from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest

from ci.smoke.program.modules import modules_of, top_modules


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> object:
    """Write the metadata of a distribution with these files; nothing of it is imported."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def write(name: str, *files: str) -> None:
        folder = tmp_path / f"{name.replace('-', '_')}-1.0.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (folder / "RECORD").write_text("".join(f"{file},,\n" for file in files))

    return write


def test_packages_and_single_modules_are_found_and_what_lies_in_them_is_not() -> None:
    files = ["a/__init__.py", "a/b/__init__.py", "a/c.py", "d.py", "e.cpython-311-x86_64-linux-gnu.so"]
    assert top_modules(files) == ["a", "d", "e"]


def test_a_folder_without_init_stands_for_what_it_holds() -> None:
    files = ["google/protobuf/__init__.py", "google/protobuf/any.py", "google/_upb/_message.abi3.so"]
    assert top_modules(files) == ["google._upb._message", "google.protobuf"]


@pytest.mark.parametrize(
    "file",
    [
        "tests/__init__.py",
        "examples/one.py",
        "../../../bin/tool.py",
        "/etc/one.py",
        "one-1.0.dist-info/RECORD",
        "one.libs/libgomp-a34b.so",
        "nvidia/cublas/lib/libcublas.so",
        "one/py.typed",
        "with-dash/one.py",
    ],
)
def test_what_is_no_module_is_left_out(file: str) -> None:
    assert top_modules([file]) == []


def test_the_module_of_the_distributions_name_is_enough(install: object) -> None:
    install("soft-file", "soft_file.py", "_soft_file.py", "_soft_file_data/__init__.py")  # type: ignore[operator]
    install("name-audio", "name/audio/__init__.py", "name/cli.py")  # type: ignore[operator]
    assert modules_of("soft-file") == ["soft_file"]
    assert modules_of("name-audio") == ["name.audio"]


def test_otherwise_all_public_modules_are_imported(install: object) -> None:
    install("python-thing", "thing/__init__.py", "things.py", "_thing.abi3.so", "tests/__init__.py")  # type: ignore[operator]
    install("only-private", "_private.py")  # type: ignore[operator]
    install("only-data", "only_data/data.json")  # type: ignore[operator]
    assert modules_of("python-thing") == ["thing", "things"]
    assert modules_of("only-private") == ["_private"]
    assert modules_of("only-data") == []


def test_a_distribution_that_is_not_installed_is_no_empty_one() -> None:
    with pytest.raises(PackageNotFoundError):
        modules_of("no-such-distribution")
