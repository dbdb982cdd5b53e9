"""A layer without what an overlay's mount left in it is the tar that it would have been without."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import tarfile
from pathlib import Path

import pytest

from ci.engines.program import plain_layers
from ci.engines.program.image_layers import LayerError

OWN = {"SCHILY.xattr.user.overlay.origin": "", "SCHILY.xattr.user.overlay.impure": "y"}
LONG = f"d/{'long' * 40}"
FILES = {"d/a": b"a" * 700, "d/empty": b"", "d/é": b"\0" * 512, LONG: b"long"}
IMAGE = "1" * 64


def tar(marked: dict[str, str], capability: dict[str, str]) -> list[tuple[tarfile.TarInfo, bytes]]:
    """Return the members of a tar: files with the attributes `marked`, one with a capability, a folder."""
    folder = tarfile.TarInfo("d")
    folder.type = tarfile.DIRTYPE
    folder.pax_headers = dict(marked)
    members = [(folder, b"")]
    for name, content in FILES.items():
        info = tarfile.TarInfo(name)
        info.size = len(content)
        info.pax_headers = {**marked, **(capability if name == "d/a" else {})}
        members.append((info, content))
    return members


def packed(members: list[tuple[tarfile.TarInfo, bytes]]) -> list[tuple[bytes, str, bytes]]:
    """Return each member as (raw header, name, content); the last one is the end of the archive."""
    found = []
    for info, content in members:
        raw = info.tobuf(tarfile.PAX_FORMAT)
        found.append((raw, info.name, content))
    return [*found, (bytes(1024), "", b"")]


def whole(parts: list[tuple[bytes, str, bytes]]) -> bytes:
    return b"".join(raw + content + bytes(-len(content) % plain_layers.BLOCK) for raw, _, content in parts)


def store_with(folder: Path, parts: list[tuple[bytes, str, bytes]]) -> Path:
    """Write a store with one image of one layer, in the form of containers/storage."""
    lines: list[dict[str, object]] = []
    pending = b""
    for raw, name, content in parts:
        lines.append({"type": 2, "payload": base64.b64encode(pending + raw).decode(), "position": len(lines)})
        pending = bytes(-len(content) % plain_layers.BLOCK)
        if name:
            entry = {"type": 1, "payload": "", "position": len(lines), "size": len(content)}
            lines.append(
                {**entry, "name": name}
                if name.isascii()
                else {**entry, "name_raw": base64.b64encode(name.encode()).decode()}
            )
        if content:
            path = folder / "overlay/one/diff" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    (folder / "overlay/one/diff/d").mkdir(parents=True, exist_ok=True)
    for name in ("overlay-layers", "overlay-images"):
        (folder / name).mkdir()
    text = "".join(f"{json.dumps(line)}\n" for line in lines)
    (folder / "overlay-layers/one.tar-split.gz").write_bytes(gzip.compress(text.encode()))
    digest = f"sha256:{hashlib.sha256(whole(parts)).hexdigest()}"
    (folder / "overlay-layers/layers.json").write_text(json.dumps([{"id": "one", "diff-digest": digest}]))
    (folder / "overlay-images/images.json").write_text(json.dumps([{"id": IMAGE, "layer": "one"}]))
    return folder


def written(store: Path, out: Path, capsys: pytest.CaptureFixture[str]) -> list[list[object]]:
    out.mkdir()
    plain_layers.main(store, IMAGE, out)
    found: list[list[object]] = json.loads(capsys.readouterr().out)
    return found


def test_the_layer_is_the_one_that_no_overlay_marked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = {"SCHILY.xattr.security.capability": "cap"}
    marked, plain = packed(tar(OWN, kept)), whole(packed(tar({}, kept)))
    (row,) = written(store_with(tmp_path / "store", marked), tmp_path / "out", capsys)
    digest = hashlib.sha256(plain).hexdigest()
    assert row == [f"sha256:{hashlib.sha256(whole(marked)).hexdigest()}", f"sha256:{digest}", len(plain)]
    assert (tmp_path / "out" / digest).read_bytes() == plain
    assert len(list((tmp_path / "out").iterdir())) == 1


def test_a_layer_without_such_attributes_is_not_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    parts = packed(tar({}, {"SCHILY.xattr.user.mime": "text/plain"}))
    assert written(store_with(tmp_path / "store", parts), tmp_path / "out", capsys) == []
    assert list((tmp_path / "out").iterdir()) == []


def test_files_that_are_not_those_of_the_layer_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = store_with(tmp_path / "store", packed(tar(OWN, {})))
    (store / "overlay/one/diff/d/a").write_bytes(b"b" * 700)
    with pytest.raises(LayerError, match="layer one: its files are not those that it was made of"):
        written(store, tmp_path / "out", capsys)


def test_an_archive_that_ends_too_early_is_refused() -> None:
    parts = whole(packed(tar(OWN, {})))
    for end in (100, 700, 1300, len(parts) - 1100):
        stream = plain_layers.Stream(iter([parts[:end]]))
        with pytest.raises(LayerError, match="ends too early"):
            list(plain_layers.plain_tar(stream))


def test_a_member_of_any_size_is_read_from_pieces_of_any_size() -> None:
    parts = whole(packed(tar(OWN, {})))
    expected = whole(packed(tar({}, {})))
    for size in (1, 511, 513, 10_000):
        pieces = [parts[start : start + size] for start in range(0, len(parts), size)]
        assert b"".join(plain_layers.plain_tar(plain_layers.Stream(iter(pieces)))) == expected
