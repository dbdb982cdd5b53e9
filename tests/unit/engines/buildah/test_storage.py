"""The store, as it is named to Buildah and to skopeo."""

from __future__ import annotations

import json
import tomllib

from ci.engines.buildah.storage import Storage, parse_storage

ODD = '/home/m@x.org/a+b,c:d [e] é "f" \\g'


def info(driver: str, *options: str) -> str:
    store = {"GraphRoot": "/r/store", "RunRoot": "/r/run", "GraphDriverName": driver}
    return json.dumps({"store": {**store, "GraphOptions": list(options) or None}, "host": {}})


def test_the_store_is_read_from_what_buildah_prints() -> None:
    options = (
        "overlay.mountopt=nodev,metacopy=on",
        "overlay.imagestore=/shared",
        "vfs.ignore_chown_errors=1",
    )
    assert parse_storage(info("overlay", *options)) == Storage(
        root="/r/store",
        run_root="/r/run",
        driver="overlay",
        driver_options=options[:1],
    )
    assert parse_storage(info("vfs")) == Storage(root="/r/store", run_root="/r/run", driver="vfs")


def test_only_vfs_copies_layers() -> None:
    assert parse_storage(info("vfs")).copies_layers
    assert not parse_storage(info("vfs")).with_overlay().copies_layers


def test_the_lists_lie_beside_the_driver() -> None:
    images, layers = parse_storage(info("vfs")).lists
    assert images == "/r/store/vfs-images/images.json"
    assert layers == "/r/store/vfs-layers/layers.json"


def test_both_programs_get_the_same_store_driver_and_options() -> None:
    storage = Storage(root="/s", run_root="/r", driver="vfs").with_overlay("/usr/bin/fuse-overlayfs")
    assert storage.options == (
        *("--root", "/s", "--runroot", "/r", "--storage-driver", "overlay"),
        *("--storage-opt", "overlay.mount_program=/usr/bin/fuse-overlayfs"),
    )
    assert tomllib.loads(storage.conf) == {
        "storage": {
            "driver": "overlay",
            "graphroot": "/s",
            "runroot": "/r",
            "options": {"overlay": {"mount_program": "/usr/bin/fuse-overlayfs"}},
        }
    }


def test_a_path_with_signs_of_every_kind_is_named_as_it_is() -> None:
    named = tomllib.loads(Storage(root=ODD, run_root="/r", driver="vfs").conf)
    assert named == {"storage": {"driver": "vfs", "graphroot": ODD, "runroot": "/r"}}
