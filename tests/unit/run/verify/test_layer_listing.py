from __future__ import annotations

import base64
import gzip
import io
import json
import tarfile
from dataclasses import replace

import pytest

from ci.run.verify.layer_listing import Entry, first_difference, first_field, listing

ENTRY = Entry(kind="0", mode="0644", owner="0:0", time=0, size=3, link="", content="aa")


def tar_split(*files: tuple[str, bytes, int]) -> bytes:
    """Return what tar-split keeps of a tar with these files: a header segment and an entry each."""
    lines = []
    for name, content, mode in files:
        info = tarfile.TarInfo(name)
        info.size, info.mode = len(content), mode
        header = info.tobuf(tarfile.GNU_FORMAT)
        lines.append({"type": 2, "payload": base64.b64encode(b"\0" * 512 + header).decode()})
        checksum = base64.b64encode(bytes([sum(content) % 256])).decode() if content else None
        lines.append({"type": 1, "name": name, "size": len(content), "payload": checksum})
    out = io.BytesIO()
    with gzip.GzipFile(fileobj=out, mode="wb") as stream:
        stream.write("".join(json.dumps(line) + "\n" for line in lines).encode())
    return out.getvalue()


def test_a_listing_has_every_path_with_its_header_and_checksum() -> None:
    found = listing(tar_split(("opt/", b"", 0o755), ("opt/a", b"abc", 0o600)))
    assert list(found) == ["opt/", "opt/a"]
    assert (found["opt/a"].mode, found["opt/a"].size, found["opt/a"].content) == ("0600", 3, "26")


def test_what_is_no_tar_split_file_is_told() -> None:
    with pytest.raises(ValueError, match="no tar-split file"):
        listing(b"plain")


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({"a": ENTRY}, ""),
        ({"a": replace(ENTRY, mode="0755")}, "/a: mode 0644 and 0755"),
        ({"a": replace(ENTRY, content="bb")}, "/a: content aa and bb"),
        ({}, "/a: only in the first build"),
        ({"a": ENTRY, "b": ENTRY}, "/b: only in the second build"),
    ],
)
def test_the_first_path_that_differs_is_named_with_what_differs(other: dict[str, Entry], said: str) -> None:
    assert first_difference({"a": ENTRY}, other) == said


def test_the_order_of_a_layer_counts() -> None:
    assert first_difference({"a": ENTRY, "b": ENTRY}, {"b": ENTRY, "a": ENTRY}) == "the order of the entries"


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({"config": {"Env": ["A=1"], "User": "0"}}, ""),
        ({"config": {"Env": ["A=2"], "User": "0"}}, 'config.Env[0]: "A=1" and "A=2"'),
        ({"config": {"Env": ["A=1", "B=1"], "User": "0"}}, 'config.Env: ["A=1"] and ["A=1", "B=1"]'),
        ({"config": {"Env": ["A=1"]}}, 'config.User: "0" and null'),
    ],
)
def test_the_first_field_that_differs_is_named_by_its_path(other: object, said: str) -> None:
    assert first_field({"config": {"Env": ["A=1"], "User": "0"}}, other) == said
