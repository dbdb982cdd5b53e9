from __future__ import annotations

import json
from typing import Any

import pytest

from ci.errors import RegistryError
from ci.names.digest import digest_of
from ci.registry.key_artifact import KeyArtifact, key_artifact_manifest, read_document, read_key_artifact
from ci.registry.manifest import OCI, Blob, read_manifest

BLOB = {"mediaType": "application/x", "digest": digest_of(b"x"), "size": 1}
KEY = "0" * 64
BESIDE = KeyArtifact(
    key=KEY, image=digest_of(b"image"), config=digest_of(b"config"), layers=((digest_of(b"layer"), 5),)
)


def manifest(**changes: Any) -> bytes:
    value = {"schemaVersion": 2, "mediaType": OCI, "config": BLOB, "layers": [BLOB], **changes}
    return json.dumps({name: one for name, one in value.items() if one is not None}).encode()


def test_a_manifest_is_read_with_its_digest() -> None:
    data = manifest(annotations={"a": "b"})
    found = read_manifest(data, "x")
    assert (found.digest, found.size) == (digest_of(data), len(data))
    assert found.layers == (Blob(type="application/x", digest=digest_of(b"x"), size=1),)
    assert found.annotations == {"a": "b"}


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "not valid JSON"),
        (manifest()[:-5], "not valid JSON, or incomplete"),
        (b"[" * 200_000, "not valid JSON"),
        (b"[]", "not a JSON object"),
        (b" " * (4 * 2**20 + 1), "more than 4 MiB"),
        (manifest(schemaVersion=1), "unknown kind"),
        (manifest(mediaType="application/vnd.oci.image.index.v1+json"), "unknown kind"),
        (manifest(mediaType={"a": 1}), "unknown kind"),
        (manifest(layers=None), "`layers` is not a list"),
        (manifest(layers=[BLOB] * 513), "`layers` is not a list of at most 512"),
        (manifest(layers=["x"]), "a descriptor is not an object"),
        (manifest(config=None), "a descriptor is not an object"),
        (manifest(layers=[{**BLOB, "digest": "sha256:../../etc/passwd"}]), "whose digest is not a sha256"),
        (manifest(layers=[{**BLOB, "digest": "md5:00"}]), "whose digest is not a sha256"),
        (manifest(layers=[{**BLOB, "size": -1}]), "has no size"),
        (manifest(layers=[{**BLOB, "size": True}]), "has no size"),
        (manifest(layers=[{**BLOB, "mediaType": "x\ny"}]), "without a media type"),
        (manifest(annotations=["x"]), "`annotations` is not a map"),
        (manifest(annotations={"a": 1}), "`annotations` is not a map"),
    ],
)
def test_what_is_no_manifest_is_corrupt(data: bytes, why: str) -> None:
    with pytest.raises(RegistryError, match=why) as caught:
        read_manifest(data, "registry.example.org/team/asr:k-0")
    assert caught.value.answer == "corrupt"
    assert str(caught.value).startswith("registry.example.org/team/asr:k-0: ")


def test_what_stands_beside_an_image_is_read_as_it_was_written() -> None:
    document = Blob(type="application/x", digest=digest_of(b"{}"), size=2)
    assert (
        read_key_artifact(
            read_manifest(key_artifact_manifest(BESIDE, document, "2026-11-24T12:00:00+00:00"), "x"), KEY, "x"
        )
        == BESIDE
    )


@pytest.mark.parametrize(
    ("notes", "why"),
    [
        ({"org.dockwright.key": "1" * 64}, "has the key 111111111111, not 000000000000"),
        ({"org.dockwright.key": None}, "has the key none"),
        ({"org.dockwright.image": "sha256:x"}, "not a valid digest"),
        ({"org.dockwright.config": None}, "not those of a key"),
        ({"org.dockwright.layers": "[1]"}, "not those of a key"),
        ({"org.dockwright.layers": '[["x",1]]'}, "not a valid digest"),
        ({"org.dockwright.layers": "[" * 100_000}, "not those of a key"),
    ],
)
def test_annotations_that_are_not_a_keys_are_corrupt(notes: dict[str, str | None], why: str) -> None:
    document = Blob(type="application/x", digest=digest_of(b"{}"), size=2)
    value = json.loads(key_artifact_manifest(BESIDE, document, ""))
    value["annotations"] = {
        name: text for name, text in {**value["annotations"], **notes}.items() if text is not None
    }
    with pytest.raises(RegistryError, match=why):
        read_key_artifact(read_manifest(json.dumps(value).encode(), "x"), KEY, "x")


@pytest.mark.parametrize("data", [b"", b"[]", b"{" * 100_000, b"\xff"])
def test_a_document_that_is_none_is_corrupt(data: bytes) -> None:
    with pytest.raises(RegistryError):
        read_document(data, "x")
