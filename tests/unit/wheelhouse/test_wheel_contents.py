"""Where the files of a wheel go, and which distributions overwrite each other."""

from __future__ import annotations

import base64
import hashlib
import re
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from ci.wheelhouse.program.wheel_contents import SITE, Overlap, overlaps, wheel_contents


def wheel(folder: Path, name: str, files: Mapping[str, str], *, record: bool = True) -> Path:
    """Write a wheel; a name that starts with `.data/` is in the wheel's own folder of that kind."""
    path = folder / f"{name}-1.0-py3-none-any.whl"
    stem = f"{name}-1.0"
    named = {f"{stem}{file}" if file.startswith(".d") else file: text for file, text in files.items()}
    lines = ""
    with zipfile.ZipFile(path, "w") as archive:
        for file, text in {
            **named,
            f"{stem}.dist-info/WHEEL": "",
            f"{stem}.dist-info/METADATA": name,
        }.items():
            archive.writestr(file, text)
            digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
            lines += f"{file},sha256={digest},{len(text)}\n" if record else ""
        archive.writestr(f"{stem}.dist-info/RECORD", lines)
    return path


def found(folder: Path, **wheels: Mapping[str, str]) -> list[Overlap]:
    """Return the overlaps of one environment with these wheels."""
    contents = {name: wheel_contents(wheel(folder, name, files)) for name, files in wheels.items()}
    return overlaps([wheels], contents)


def test_files_go_where_an_installer_puts_them(tmp_path: Path) -> None:
    files = {
        "pkg/__init__.py": "",
        ".data/purelib/pure.py": "",
        ".data/platlib/plat.so": "",
        ".data/scripts/run": "",
        ".data/data/share/x": "",
        ".data/headers/x.h": "",
        ".data/unknown/x": "",
        ".dist-info/entry_points.txt": "[console_scripts]\nTool = pkg:main\n[other]\nx = y\n",
    }
    assert set(wheel_contents(wheel(tmp_path, "pkg", files))) == {
        f"{SITE}/pkg/__init__.py",
        f"{SITE}/pure.py",
        f"{SITE}/plat.so",
        "bin/run",
        "bin/Tool",
        "share/x",
        "include/site/pkg/x.h",
    }


def test_two_distributions_with_one_file_overlap_and_equal_files_do_not(tmp_path: Path) -> None:
    one = {"jwt/__init__.py": "one", "jwt/api.py": "one", "jwt/py.typed": ""}
    other = {"jwt/__init__.py": "other", "jwt/api.py": "other", "jwt/py.typed": ""}
    (overlap,) = found(tmp_path, PyJWT=one, jwt=other)
    assert overlap.text == f"PyJWT and jwt have different files {SITE}/jwt/__init__.py (and 1 more)"
    assert found(tmp_path, PyJWT={"a.py": ""}, jwt={"a.py": "", "b.py": "x"}) == []


@pytest.mark.parametrize(
    ("one", "other", "text"),
    [
        (
            {".data/scripts/run": "1"},
            {".dist-info/entry_points.txt": "[console_scripts]\nrun = b:main\n"},
            "a and b have different files bin/run",
        ),
        (
            {".dist-info/entry_points.txt": "[console_scripts]\nrun = a:main\n"},
            {".dist-info/entry_points.txt": "[gui_scripts]\nrun = b:main\n"},
            "a and b have different files bin/run",
        ),
        ({".data/purelib/x.py": "1"}, {"x.py": "2"}, f"a and b have different files {SITE}/x.py"),
        ({".data/data/share/x": "1"}, {".data/data/share/x": "2"}, "a and b have different files share/x"),
        (
            {"Crypto/x.py": "1"},
            {"crypto/x.py": "2"},
            f"{SITE}/Crypto/x.py of a and {SITE}/crypto/x.py of b differ in case alone",
        ),
        (
            {"x": "1"},
            {"x/y.py": "2"},
            f"{SITE}/x of a is a file, and a folder in b: {SITE}/x/y.py",
        ),
        (
            {".data/scripts/python": "1"},
            {},
            "the environment itself and a have different files bin/python",
        ),
    ],
)
def test_every_way_to_the_same_path_counts(
    tmp_path: Path, one: dict[str, str], other: dict[str, str], text: str
) -> None:
    assert [overlap.text for overlap in found(tmp_path, a=one, b=other)] == [text]


def test_the_same_script_and_bytecode_of_two_wheels_is_no_overlap(tmp_path: Path) -> None:
    points = {".dist-info/entry_points.txt": "[console_scripts]\nrun = c:main\n"}
    assert (
        found(tmp_path, a={**points, "x/__pycache__/y.pyc": "1"}, b={**points, "x/__pycache__/y.pyc": "2"})
        == []
    )


def test_only_distributions_of_one_environment_count(tmp_path: Path) -> None:
    contents = {name: wheel_contents(wheel(tmp_path, name, {"x.py": name})) for name in ("a", "b")}
    assert overlaps([["a"], ["b"]], contents) == []
    assert len(overlaps([["a", "b"], ["a", "b"]], contents)) == 1


def test_a_wheel_without_hashes_is_compared_by_size_and_checksum(tmp_path: Path) -> None:
    contents = {
        name: wheel_contents(wheel(tmp_path, name, {"x.py": text}, record=False))
        for name, text in (("a", "same"), ("b", "same"), ("c", "else"))
    }
    assert [(one.first, one.second) for one in overlaps([["a", "b", "c"]], contents)] == [("a", "c")]


def rewritten(path: Path, change: Callable[[bytearray], None]) -> Path:
    data = bytearray(path.read_bytes())
    change(data)
    path.write_bytes(data)
    return path


def encrypt(data: bytearray) -> None:
    """Mark the files of an archive as encrypted."""
    for header, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        for found in re.finditer(re.escape(header), bytes(data)):
            data[found.start() + flags] |= 1


def test_a_wheel_whose_record_can_not_be_unpacked_is_compared_by_size_and_checksum(tmp_path: Path) -> None:
    path = rewritten(wheel(tmp_path, "one", {"x.py": "1"}), encrypt)
    assert list(wheel_contents(path)) == [f"{SITE}/x.py"]


def test_a_wheel_whose_record_is_none_has_no_contents(tmp_path: Path) -> None:
    path = wheel(tmp_path, "one", {"x.py": "1"})
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("one-1.0.dist-info/WHEEL", "")
        archive.writestr("one-1.0.dist-info/RECORD", "x" * 200_000)
    assert wheel_contents(path) == {}


def test_what_is_no_wheel_has_no_contents(tmp_path: Path) -> None:
    (tmp_path / "x.whl").write_bytes(b"no zip")
    assert wheel_contents(tmp_path / "x.whl") == {}
