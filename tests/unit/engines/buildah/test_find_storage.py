"""The storage driver is overlay wherever one can be mounted; whole copies are the last choice."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from ci.engines.buildah.find_storage import find_storage
from ci.engines.buildah.storage import Storage
from ci.errors import DiskFullError, EngineError, StoreError

PREFIX = ("buildah", "unshare")


class Machine:
    """Answers `buildah info` as a machine does; `kernel` and `fuse` say what mounts an overlay here."""

    def __init__(self, folder: Path, *, default: str, kernel: bool = True, fuse: bool = False) -> None:
        self.folder, self.default, self.kernel, self.fuse = folder, default, kernel, fuse
        self.refusal = "kernel does not support overlay fs"
        self.ran: list[tuple[str, ...]] = []

    def run(self, argv: Sequence[str], **_options: object) -> subprocess.CompletedProcess[str]:
        self.ran.append(tuple(argv))
        if "info" in argv:
            named = "--storage-driver" in argv
            if named and not self.kernel:
                return subprocess.CompletedProcess(argv, 125, "", f"Error: {self.refusal}\n")
            store = {"GraphRoot": f"{self.folder}/store", "RunRoot": "/r", "GraphOptions": None}
            store["GraphDriverName"] = "overlay" if named else self.default
            return subprocess.CompletedProcess(argv, 0, json.dumps({"store": store}), "")
        return subprocess.CompletedProcess(argv, 0 if self.fuse or "find" in argv else 1, "", "")


def found(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, environ: dict[str, str] | None = None
) -> Storage:
    monkeypatch.setattr(subprocess, "run", machine.run)
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    return find_storage(("--root", "/s"), PREFIX, environ or {})


def test_a_store_with_shared_layers_is_taken_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = Machine(tmp_path, default="overlay")
    assert found(machine, monkeypatch).options[-1] == "overlay"
    assert machine.ran == [(*PREFIX, "buildah", "--root", "/s", "info")]


def test_overlay_is_taken_where_buildah_would_copy_and_the_kernel_can_mount(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = found(Machine(tmp_path, default="vfs"), monkeypatch)
    assert (storage.driver, storage.mount_program) == ("overlay", "")


def test_fuse_overlayfs_mounts_where_the_kernel_refuses_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = found(Machine(tmp_path, default="vfs", kernel=False, fuse=True), monkeypatch)
    assert (storage.driver, storage.mount_program) == ("overlay", "/usr/bin/fuse-overlayfs")


def test_whole_copies_are_stored_where_nothing_mounts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = found(Machine(tmp_path, default="vfs", kernel=False), monkeypatch)
    assert storage.copies_layers
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_store_of_overlay_is_not_left_for_one_of_whole_copies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = Machine(tmp_path, default="vfs", kernel=False)
    machine.refusal = f"unmarshaling {tmp_path}/store/overlay-layers/layers.json: invalid character"
    with pytest.raises(StoreError, match="the store is damaged"):
        found(machine, monkeypatch)


def test_a_driver_that_the_user_named_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    storage = found(Machine(tmp_path, default="vfs"), monkeypatch, {"STORAGE_DRIVER": "vfs"})
    assert storage.copies_layers


@pytest.mark.parametrize(
    ("said", "kind", "message"),
    [
        ("write /s/x: no space left on device", DiskFullError, "^the disk of the store is full: "),
        ("no such driver", EngineError, "^Buildah can't open its store: no such driver$"),
    ],
)
def test_a_store_that_cannot_be_opened_is_an_error_of_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str, kind: type[Exception], message: str
) -> None:
    machine = Machine(tmp_path, default="vfs")
    printed = f"time=… level=warning\nError: {said}\n"
    monkeypatch.setattr(machine, "run", lambda argv, **_: subprocess.CompletedProcess(argv, 125, "", printed))
    with pytest.raises(kind, match=message):
        found(machine, monkeypatch)


@pytest.mark.parametrize(
    ("words", "prefix", "root"),
    [
        (("--root", "/s"), PREFIX, "/s"),
        ((), PREFIX, "/home/me/data/containers/storage"),
        ((), ("sudo", "-n"), "/var/lib/containers/storage"),
    ],
)
def test_a_store_whose_lists_cannot_be_read_is_named(
    monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], prefix: tuple[str, ...], root: str
) -> None:
    """Its owner is told to move it away, so another user's must not be named."""
    printed = json.dumps({"host": {}, "store": None})
    monkeypatch.setattr(
        subprocess, "run", lambda argv, **_: subprocess.CompletedProcess(argv, 0, printed, "")
    )
    with pytest.raises(StoreError) as raised:
        find_storage(words, prefix, {"XDG_DATA_HOME": "/home/me/data"})
    assert raised.value.hint.startswith(f"move {root} away")
