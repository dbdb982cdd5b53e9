from __future__ import annotations

import hashlib
import json
from pathlib import Path

from ci.engines.oci_layout import normalised, with_layers, write_layout

CONFIG = {
    "created": "1970-01-01T00:00:00Z",
    "config": {"User": "1000:1000"},
    "rootfs": {"type": "layers", "diff_ids": ["sha256:aa"]},
    "history": [
        {"created_by": "/bin/sh -c a", "comment": "FROM localhost/small/base:k-1"},
        {"created_by": "/bin/sh -c #(nop) USER 0:0", "comment": "FROM 0123456789ab", "empty_layer": True},
    ],
}


def test_a_normalised_config_says_nothing_of_local_names_and_keeps_its_history() -> None:
    plain = normalised(CONFIG)
    assert plain["history"] == [
        {"created_by": "/bin/sh -c a"},
        {"created_by": "/bin/sh -c #(nop) USER 0:0", "empty_layer": True},
    ]
    assert {**plain, "history": None} == {**CONFIG, "history": None}
    assert CONFIG["history"][0]["comment"]  # type: ignore[index]


def test_two_owners_of_the_copied_files_give_one_config() -> None:
    def config(digest: str) -> dict[str, object]:
        copied = f"/bin/sh -c #(nop) COPY multi:{digest * 32} in /opt/app/ "
        kept = f"/bin/sh -c : COPY file:{'ab' * 32} in /"
        return {**CONFIG, "history": [{"created_by": copied}, {"created_by": kept}]}

    assert normalised(config("0a")) == normalised(config("1b"))
    assert normalised(config("0a"))["history"] == [
        {"created_by": "/bin/sh -c #(nop) COPY in /opt/app/ "},
        {"created_by": f"/bin/sh -c : COPY file:{'ab' * 32} in /"},
    ]


def test_layers_are_replaced_in_the_config_and_in_the_list() -> None:
    config, layers = with_layers(CONFIG, [("sha256:aa", 10)], {"sha256:aa": ("sha256:bb", 9)})
    assert layers == (("sha256:bb", 9),)
    assert config == {**CONFIG, "rootfs": {"type": "layers", "diff_ids": ["sha256:bb"]}}
    assert with_layers(CONFIG, [("sha256:aa", 10)], {}) == (CONFIG, (("sha256:aa", 10),))


def test_the_layout_names_config_and_layers_by_digest_and_holds_no_layer(tmp_path: Path) -> None:
    id_ = write_layout(tmp_path, CONFIG, [("sha256:aa", 10)])
    index = json.loads((tmp_path / "index.json").read_text())
    (entry,) = index["manifests"]
    manifest = json.loads((tmp_path / "blobs/sha256" / entry["digest"][7:]).read_text())
    assert manifest["layers"] == [
        {"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": "sha256:aa", "size": 10}
    ]
    assert manifest["config"]["digest"] == f"sha256:{id_}"
    blobs = {path.name: path.read_bytes() for path in (tmp_path / "blobs/sha256").iterdir()}
    assert {hashlib.sha256(content).hexdigest() for content in blobs.values()} == set(blobs)
    assert json.loads(blobs[id_]) == CONFIG
    assert len(blobs) == 2


def test_the_order_of_fields_does_not_change_the_id(tmp_path: Path) -> None:
    other = dict(reversed(CONFIG.items()))
    assert write_layout(tmp_path / "a", CONFIG, []) == write_layout(tmp_path / "b", other, [])
