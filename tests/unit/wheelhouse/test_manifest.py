from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import pytest

from ci.errors import FetchError
from ci.wheelhouse.input_document import Mirrors, debhouse_input, locked_files, wheelhouse_input
from ci.wheelhouse.manifest import read_manifest, verify
from ci.wheelhouse.program.content_store import ContentStore
from ci.wheelhouse.program.package_folder import PackageFolder, own_digest
from tests.stacks import deb, small_stack


def package_folder(folder: Path, content: bytes = b"wheel") -> Path:
    (folder / "wheels").mkdir(parents=True)
    (folder / "wheels/a.whl").write_bytes(content)
    digest = hashlib.sha256(b"wheel").hexdigest()
    files = {"wheels/a.whl": digest}
    value: dict[str, Any] = {"schema": 3, "input": "i", "files": files, "lists": {"asr": ["wheels/a.whl"]}}
    (folder / "manifest.json").write_text(json.dumps({**value, "sha256": own_digest(value)}))
    return folder


def test_a_complete_folder_has_no_errors_and_is_hashed_once(tmp_path: Path) -> None:
    manifest = read_manifest(package_folder(tmp_path))
    hashes: dict[str, list[object]] = {}
    assert verify(manifest, hashes) == []
    path = str(tmp_path / "wheels/a.whl")
    hashes[path][-1] = "remembered, so not read again"
    assert "remembered" in verify(manifest, hashes)[0]


def test_a_wheel_replaced_under_its_name_is_found(tmp_path: Path) -> None:
    manifest = read_manifest(package_folder(tmp_path, b"other"))
    (error,) = verify(manifest, {})
    assert "wheels/a.whl: sha256 is" in error


def test_a_missing_wheel_is_found(tmp_path: Path) -> None:
    manifest = read_manifest(package_folder(tmp_path))
    (tmp_path / "wheels/a.whl").unlink()
    assert verify(manifest, {}) == [f"{tmp_path / 'wheels/a.whl'}: missing"]


def test_a_file_of_the_same_size_is_hashed_again_after_it_was_written(tmp_path: Path) -> None:
    manifest = read_manifest(package_folder(tmp_path))
    hashes: dict[str, list[object]] = {}
    assert verify(manifest, hashes) == []
    (tmp_path / "wheels/a.whl").write_bytes(b"WHEEL")
    assert "sha256 is" in verify(manifest, hashes)[0]


@pytest.mark.parametrize("name", ["debs/a.deb", "lists/asr.txt", "uv"])
def test_a_file_that_nobody_else_checks_is_hashed_though_its_size_and_times_are_the_old_ones(
    tmp_path: Path, name: str
) -> None:
    store = ContentStore(folder=tmp_path / "content", partial=tmp_path / "partial")
    folder = PackageFolder(tmp_path / "house", store)
    folder.write(name, b"right")
    folder.close("i")
    manifest = read_manifest(tmp_path / "house")
    hashes: dict[str, list[object]] = {}
    assert verify(manifest, hashes) == []
    path = tmp_path / "house" / name
    before = path.stat()
    with path.open("r+b") as file:
        file.write(b"wrong")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert path.stat().st_ino == before.st_ino
    (error,) = verify(manifest, hashes)
    assert f"{path}: sha256 is" in error


def test_a_file_that_another_folder_links_to_is_not_hashed_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = read_manifest(package_folder(tmp_path))
    hashes: dict[str, list[object]] = {}
    assert verify(manifest, hashes) == []
    os.link(tmp_path / "wheels/a.whl", tmp_path / "elsewhere.whl")
    monkeypatch.setattr("ci.wheelhouse.manifest.sha256", lambda path, _: f"hashed {path}")
    assert verify(manifest, hashes) == []


def test_a_manifest_that_was_edited_says_so_itself(tmp_path: Path) -> None:
    path = package_folder(tmp_path) / "manifest.json"
    path.write_text(path.read_text().replace('"asr"', '"vad"'))
    with pytest.raises(FetchError, match="changed after it was written"):
        read_manifest(tmp_path)


def test_a_folder_must_have_the_file_of_each_lock_line() -> None:
    debs = debhouse_input(small_stack(), Mirrors())
    assert locked_files(debs)["debs/tini_1.0-1_amd64.deb"] == deb("tini").sha256
    wheels = wheelhouse_input(small_stack(), "cpu", "bootstrap")
    names = {"numpy", "onnx", "whisper"}
    assert set(locked_files(wheels)) == {f"wheels/{name}-1.0-py3-none-any.whl" for name in names}


@pytest.mark.parametrize("text", ["", "{", "[]", '{"schema": 1}', '{"schema": 3}', '{"schema": 4}'])
def test_a_manifest_that_cannot_be_read_is_an_error(tmp_path: Path, text: str) -> None:
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(FetchError, match=r"manifest\.json"):
        read_manifest(tmp_path)


@pytest.mark.parametrize("checked", ["debs/a.deb", "uv"])
def test_the_digest_of_a_part_is_that_of_a_list_of_hashes_of_all_that_the_step_checks(
    tmp_path: Path, checked: str
) -> None:
    store = ContentStore(folder=tmp_path / "content", partial=tmp_path / "partial")
    parts = set()
    for number, (content, text) in enumerate((("a", "list"), ("b", "list"), ("a", "other"))):
        house = tmp_path / str(number)
        folder = PackageFolder(house, store)
        folder.write(checked, content)
        folder.list("asr", [checked], text, checked=[checked])
        folder.close("i")
        manifest = read_manifest(house)
        sums = (house / "lists/asr.sha256").read_bytes()
        assert manifest.part("asr") == hashlib.sha256(sums).hexdigest()
        files = {"lists/asr.txt": text, checked: content}
        assert sums.decode() == "".join(
            f"{hashlib.sha256(files[path].encode()).hexdigest()}  {path}\n" for path in sorted(files)
        )
        parts.add(manifest.part("asr"))
        assert manifest.part("nobody") == ""
    assert len(parts) == 3


def test_a_mirror_is_no_input_of_a_debhouse() -> None:
    here = debhouse_input(small_stack(), Mirrors())
    there = debhouse_input(small_stack(), Mirrors(debian="http://mirror.invalid/debian/"))
    assert here["input"] == there["input"]
    assert there["files"][0]["url"].startswith("http://mirror.invalid/debian/pool/")


def test_security_updates_come_from_their_own_archive() -> None:
    from dataclasses import replace

    updated = replace(deb("openssl"), path="pool/updates/main/o/openssl/openssl_3_amd64.deb")
    assert Mirrors().url(updated) == f"{Mirrors().security}/{updated.path}"


def test_a_wheelhouse_names_what_each_image_adds_and_how_sdists_are_built() -> None:
    wanted = wheelhouse_input(small_stack(), "cpu", "bootstrap")
    assert set(wanted["lists"]) == {"base", "ml", "asr"}
    assert list(wanted["builds"]) == ["pyworld-1.0.tar.gz"]


def test_folders_for_some_images_have_what_these_need() -> None:
    stack = small_stack()
    wheels = wheelhouse_input(stack, "cpu", "bootstrap", {"ml:cpu", "mux:cpu"})
    assert (set(wheels["lists"]), wheels["builds"]) == ({"ml"}, {})
    assert wheels["builder"] == wheelhouse_input(stack, "cpu", "bootstrap")["builder"]
    found = {
        (name, builder): [
            entry["file"][:5] for entry in debhouse_input(stack, Mirrors(), {name}, builder=builder)["files"]
        ]
        for name in ("mux:cpu", "ml:cpu")
        for builder in (False, True)
    }
    assert found == {
        ("mux:cpu", False): ["ffmpe", "libx2"],
        ("mux:cpu", True): ["ffmpe", "g++_1", "libx2"],
        ("ml:cpu", False): [],
        ("ml:cpu", True): ["g++_1"],
    }


def test_folders_for_all_images_are_those_without_a_choice() -> None:
    stack = small_stack()
    everything = {image.id for image in stack.images}
    for needed in (None, everything):
        assert wheelhouse_input(stack, "cpu", "bootstrap", needed) == wheelhouse_input(
            stack, "cpu", "bootstrap"
        )
        assert debhouse_input(stack, Mirrors(), needed) == debhouse_input(stack, Mirrors())


def test_a_folder_without_files_is_complete_too(tmp_path: Path) -> None:
    store = ContentStore(folder=tmp_path / "content", partial=tmp_path / "partial")
    PackageFolder(tmp_path / "debhouse", store).close("0" * 64)
    manifest = read_manifest(tmp_path / "debhouse")
    assert (manifest.input, manifest.files, verify(manifest, {})) == ("0" * 64, {}, [])


def test_a_closed_folder_has_no_file_that_a_killed_program_left(tmp_path: Path) -> None:
    store = ContentStore(folder=tmp_path / "content", partial=tmp_path / "partial")
    folder = PackageFolder(tmp_path / "debhouse", store)
    folder.write("uv", b"program", 0o755)
    (tmp_path / "debhouse/.uv.4711").write_bytes(b"prog")
    folder.close("i")
    assert sorted(path.name for path in (tmp_path / "debhouse").iterdir()) == ["manifest.json", "uv"]
    assert (tmp_path / "debhouse/uv").stat().st_mode & 0o777 == 0o755
