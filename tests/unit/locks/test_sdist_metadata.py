"""What an sdist requires is read from its files, within bounds, or is an error that says why not."""

from __future__ import annotations

import gzip
import io
import re
import tarfile
import tomllib
import zipfile
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ci.errors import LockError
from ci.locks import sdist_metadata
from ci.locks.sdist_metadata import Metadata, parse_requires, read_metadata

OWN = "Metadata-Version: 1.2\nName: thing\nVersion: 1.0\nRequires-Python: >=3.8\n"
REQUIRES = """\
numpy>=1.20

[:python_version < "3.9"]
typing-extensions

[plot]
matplotlib

[plot:sys_platform == "win32"]
colorama
"""


def tar(files: dict[str, str]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for path, text in files.items():
            member = tarfile.TarInfo(f"thing-1.0/{path}")
            member.size = len(text.encode())
            archive.addfile(member, io.BytesIO(text.encode()))
    # without a time: the ids of tests have this, and each worker collects them at another second
    return gzip.compress(buffer.getvalue(), mtime=0)


def packed(files: dict[str, str]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path, text in files.items():
            archive.writestr(zipfile.ZipInfo(f"thing-1.0/{path}"), text)
    return buffer.getvalue()


FILES = {"PKG-INFO": OWN, "setup.py": "raise SystemExit", "src/thing.egg-info/requires.txt": REQUIRES}
FOUND = Metadata(
    name="thing",
    version="1.0",
    requires=(
        "numpy>=1.20",
        'typing-extensions ; (python_version < "3.9")',
        'matplotlib ; extra == "plot"',
        'colorama ; (sys_platform == "win32") and extra == "plot"',
    ),
    extras=("plot",),
    python=">=3.8",
)


@pytest.mark.parametrize(
    ("file", "data"), [("thing-1.0.tar.gz", tar(FILES)), ("thing-1.0.zip", packed(FILES))]
)
def test_what_setuptools_wrote_into_an_sdist_is_what_it_requires(file: str, data: bytes) -> None:
    assert read_metadata("thing", "1.0", file, data) == FOUND


def test_it_is_a_setting_of_uv() -> None:
    (table,) = tomllib.loads(FOUND.text)["dependency-metadata"]
    assert table["requires-dist"] == list(FOUND.requires)
    assert (table["name"], table["version"], table["requires-python"]) == ("thing", "1.0", ">=3.8")


def test_any_text_of_it_is_a_text_of_a_setting() -> None:
    text = '\N{OIL DRUM} "\\ \x7f'
    found = Metadata(name="thing", version=text, requires=(text,), extras=(text,), python=text)
    (table,) = tomllib.loads(found.text)["dependency-metadata"]
    assert table == {
        "name": "thing",
        "version": text,
        "requires-dist": [text],
        "provides-extra": [text],
        "requires-python": text,
    }


def test_its_own_metadata_comes_first_and_an_egg_info_without_requirements_has_none() -> None:
    own = f"{OWN}Requires-Dist: idna\nProvides-Extra: x\n"
    found = read_metadata("thing", "1.0", "thing-1.0.tar.gz", tar({**FILES, "PKG-INFO": own}))
    assert (found.requires, found.extras) == (("idna",), ("x",))
    found = read_metadata("thing", "1.0", "thing-1.0.tar.gz", tar({"thing.egg-info/PKG-INFO": OWN}))
    assert found.requires == ()


def test_a_file_of_a_vendored_package_is_not_its_own() -> None:
    files = {"vendor/a/b/c/other.egg-info/requires.txt": "evil\n", "thing.egg-info/PKG-INFO": OWN}
    assert read_metadata("thing", "1.0", "thing-1.0.tar.gz", tar(files)).requires == ()


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (tar({"PKG-INFO": OWN, "setup.py": ""}), "only its code says what it requires"),
        (tar({"x.egg-info/requires.txt": "a @ file:///etc/passwd\n"}), "no release of an index"),
        (tar({"x.egg-info/requires.txt": "a b c\n"}), "can't be read"),
        (b"", "is no sdist"),
        (b"no archive", "is no sdist"),
        (tar(FILES)[:100], "is no sdist"),
    ],
    ids=["code", "an address", "no requirement", "empty", "text", "cut"],  # an archive has the time in it
)
def test_what_does_not_say_it_is_an_error(data: bytes, what: str) -> None:
    with pytest.raises(LockError, match=what):
        read_metadata("thing", "1.0", "thing-1.0.tar.gz", data)


@pytest.mark.parametrize("flags", [1, 1 << 5, 1 << 6])
def test_an_encrypted_sdist_is_an_error(flags: int) -> None:
    data = bytearray(packed(FILES))
    for header, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        for found in re.finditer(re.escape(header), bytes(data)):
            data[found.start() + place] |= flags
    with pytest.raises(LockError, match=r"thing-1\.0\.zip: is no sdist that can be read \(.* is encrypted"):
        read_metadata("thing", "1.0", "thing-1.0.zip", bytes(data))


def test_an_sdist_is_unpacked_up_to_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sdist_metadata, "UNPACKED_BYTES", 2**20)
    with pytest.raises(LockError, match="more than 1 MiB unpacked"):
        read_metadata("thing", "1.0", "thing-1.0.tar.gz", tar({"x": "0" * 2**22, **FILES}))


@settings(max_examples=100, deadline=None)
@given(data=st.binary(max_size=200), text=st.text(max_size=200))
def test_whatever_is_in_an_sdist_it_is_read_or_refused(data: bytes, text: str) -> None:
    parse_requires(text)
    texts = tar({"x.egg-info/requires.txt": text, "PKG-INFO": text})
    for content in (data, gzip.compress(data), texts, texts[:-10]):
        for file in ("thing-1.0.tar.gz", "thing-1.0.zip"):
            with suppress(LockError):
                read_metadata("thing", "1.0", file, content)
