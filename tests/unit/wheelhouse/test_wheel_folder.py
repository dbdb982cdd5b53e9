"""A wheelhouse with sdists: what is laid out for compiling them, and which wheels are taken."""

from __future__ import annotations

import hashlib
import io
import json
import os
import zipfile
from pathlib import Path
from typing import Any

import pytest

from ci.wheelhouse.program.compile_sdist import check, made_wheel, take
from ci.wheelhouse.program.failure import FetchingError
from ci.wheelhouse.program.line import Line
from ci.wheelhouse.program.wheel_folder import WheelFolder

KEY = "f" * 64
SDIST = b"sources"


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def uv_wheel() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("uv-0.data/scripts/uv", b"uv")
    return buffer.getvalue()


FILES = {"uv-0-py3-none-any.whl": uv_wheel(), "pip-1-py3-none-any.whl": b"pip", "thing-1.0.tar.gz": SDIST}
UV, PIP, THING = (
    f"{name}=={version} --hash=sha256:{sha(FILES[file])} # {file}"
    for (name, version), file in zip((("uv", "0"), ("pip", "1"), ("thing", "1.0")), FILES, strict=True)
)


@pytest.fixture
def folder(tmp_path: Path) -> WheelFolder:
    return opened(tmp_path)


def opened(tmp_path: Path, **more: Any) -> WheelFolder:
    document = {
        "input": "i",
        "builder": [UV, PIP],
        "lists": {"asr": [THING]},
        "builds": {"thing-1.0.tar.gz": KEY},
        "known": {},
        **more,
    }
    path = tmp_path / "document.json"
    path.write_text(json.dumps(document))
    found = WheelFolder(path, tmp_path / "inputs", "wheelhouse/cpu")
    for data in FILES.values():
        found.store.path(sha(data)).write_bytes(data)
    return found


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_an_sdist_has_a_folder_a_user_and_an_output_of_its_own(folder: WheelFolder) -> None:
    (line,) = folder.to_compile()
    folder.prepare_jobs([line])
    work = folder.work
    assert json.loads((work / "jobs.json").read_text()) == [{"key": KEY, "file": line.file}]
    job = json.loads((work / "jobs" / KEY / "job.json").read_text())
    assert job == {"sdist": THING, "builder": [UV, PIP], "uid": 65000}
    assert names(work / "jobs" / KEY) == ["job.json", "thing-1.0.tar.gz"]
    assert names(work / "requirements") == ["pip-1-py3-none-any.whl", "uv-0-py3-none-any.whl"]
    assert names(work / "made" / KEY) == []


def test_a_file_in_the_place_of_what_compiling_needs_is_removed(folder: WheelFolder) -> None:
    folder.work.write_text("")
    folder.remove_jobs()
    folder.prepare_jobs(folder.to_compile())
    assert names(folder.work / "jobs") == [KEY]


def test_a_compiled_wheel_is_stored_under_its_key_and_not_compiled_again(
    folder: WheelFolder, tmp_path: Path
) -> None:
    sdists = folder.to_compile()
    folder.prepare_jobs(sdists)
    (folder.work / "made" / KEY / "thing-1.0-cp311-cp311-linux_x86_64.whl").write_bytes(b"wheel")
    folder.adopt(sdists)
    folder.remove_jobs()
    folder.fill()
    assert opened(tmp_path).to_compile() == []
    house = tmp_path / "inputs/wheelhouse/cpu"
    assert (house / "wheels/thing-1.0-cp311-cp311-linux_x86_64.whl").read_bytes() == b"wheel"
    assert f"sha256:{sha(b'wheel')}" in (house / "lists/asr.txt").read_text()
    assert not folder.work.exists()


def test_a_wheelhouse_without_a_compiled_wheel_is_not_filled(folder: WheelFolder) -> None:
    folder.prepare_jobs(folder.to_compile())
    with pytest.raises(FetchingError, match="no wheel was compiled"):
        folder.adopt(folder.to_compile())
    with pytest.raises(FetchingError, match="missing"):
        folder.fill()


@pytest.mark.parametrize(
    "record",
    [
        {"file": "../../../etc/cron.d/x.whl"},
        {"file": 5},
        {"sha256": "../../secret"},
        {"requirement": "thing==1.0\n--index-url=http://evil"},
    ],
)
def test_a_damaged_record_of_a_compiled_wheel_is_none(
    folder: WheelFolder, tmp_path: Path, record: dict[str, Any]
) -> None:
    folder.store.path(sha(b"wheel")).write_bytes(b"wheel")
    right = {"requirement": "thing==1.0", "sha256": sha(b"wheel"), "file": "thing-1.0-py3-none-any.whl"}
    path = tmp_path / "inputs/compiled" / f"{KEY}.json"
    path.write_text(json.dumps(right))
    assert folder.to_compile() == []
    path.write_text(json.dumps({**right, **record}))
    assert len(folder.to_compile()) == 1
    path.write_text("[" * 200_000)
    assert len(folder.to_compile()) == 1


def made(folder: Path, *files: str) -> Path:
    for name in files:
        (folder / name).write_bytes(b"wheel")
    return folder


@pytest.mark.parametrize(
    "files",
    [
        (),
        ("thing-1.0-py3-none-any.whl", "other-1.0-py3-none-any.whl"),
        ("other-1.0-py3-none-any.whl",),
        ("thing.whl",),
        ("thing-1.0-py3-none-any.whl\n.txt",),
        ("thing-1.0-py3-none any.whl",),
    ],
)
def test_what_is_no_wheel_of_the_sdist_is_not_taken(tmp_path: Path, files: tuple[str, ...]) -> None:
    with pytest.raises(FetchingError, match=r"thing-1\.0\.tar\.gz: left"):
        made_wheel(made(tmp_path, *files), Line.of(THING))


def test_the_wheel_of_the_sdist_is_taken(tmp_path: Path) -> None:
    wheel = made_wheel(made(tmp_path, "Thing-1.0-py3-none-any.whl"), Line.of(THING))
    (tmp_path / "out").mkdir()
    take(wheel, tmp_path / "out")
    assert (tmp_path / "out" / wheel.name).read_bytes() == b"wheel"


@pytest.mark.parametrize("kind", ["link", "folder", "pipe"])
def test_a_link_or_a_pipe_in_place_of_the_wheel_is_not_followed(tmp_path: Path, kind: str) -> None:
    wheel = tmp_path / "thing-1.0-py3-none-any.whl"
    match kind:
        case "link":
            wheel.symlink_to("/etc/shadow")
        case "folder":
            wheel.mkdir()
        case _:
            os.mkfifo(wheel)
    with pytest.raises(FetchingError, match="is no file"):
        take(wheel, tmp_path / "out")


def test_an_sdist_that_was_changed_after_it_was_fetched_is_not_compiled(tmp_path: Path) -> None:
    path = tmp_path / "thing-1.0.tar.gz"
    path.write_bytes(b"other")
    with pytest.raises(FetchingError, match="but the fetched file has"):
        check(path, Line.of(THING))


def other_wheel(name: str, text: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("jwt/__init__.py", text)
        archive.writestr(f"{name}-1.dist-info/WHEEL", "")
    return buffer.getvalue()


def test_distributions_that_overwrite_each_other_are_refused_before_the_folder_is_complete(
    tmp_path: Path,
) -> None:
    """Also those of a parent whose wheels are in another wheelhouse."""
    wheels = {name: other_wheel(name, name) for name in ("PyJWT", "jwt")}
    lines = {
        name: f"{name.lower()}==1 --hash=sha256:{sha(data)} # {name}-1-py3-none-any.whl"
        for name, data in wheels.items()
    }
    together = {"asr:cuda": [lines["PyJWT"], lines["jwt"]], "base:cuda": [lines["PyJWT"]]}
    wanted = opened(tmp_path, lists={"asr": [lines["jwt"]]}, builds={}, together=together)
    for data in wheels.values():
        wanted.store.path(sha(data)).write_bytes(data)
    with pytest.raises(FetchingError) as caught:
        wanted.fill()
    assert (caught.value.kind, caught.value.text) == (
        "overlap",
        (
            "pyjwt 1 and jwt 1 have different files lib/python/site-packages/jwt/__init__.py; "
            "both are in asr:cuda"
        ),
    )
    assert not (tmp_path / "inputs/wheelhouse/cpu/manifest.json").exists()
    wanted.store.path(sha(wheels["PyJWT"])).unlink()
    wanted.fill()
