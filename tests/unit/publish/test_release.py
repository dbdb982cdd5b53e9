from __future__ import annotations

import json
from typing import Any

import pytest

from ci.errors import RegistryError, UsageError
from ci.names.digest import digest_of
from ci.publish.release import (
    Mount,
    Put,
    Released,
    annotated,
    check_version,
    index_of,
    pushes,
    read_index,
    released,
)
from ci.registry.manifest import INDEX, OCI


def manifest(name: str, *layers: str) -> bytes:
    def blob(text: str) -> dict[str, Any]:
        return {"mediaType": "application/x", "digest": digest_of(text.encode()), "size": len(text)}

    value = {
        "schemaVersion": 2,
        "mediaType": OCI,
        "config": blob(name),
        "layers": [blob(one) for one in layers],
    }
    return json.dumps(value).encode()


BASE = released("base", "cpu", manifest("base", "root"), {"a": "b"})
ASR = released("asr", "cpu", manifest("asr", "root", "wheels"), {"a": "b"})


def test_a_release_is_pushed_parents_first_then_committed_then_followed() -> None:
    found = pushes("team", "1.0", (BASE, ASR))
    said = [
        f"{one.repository}:{one.reference}" if isinstance(one, Put) else f"{one.origin} > {one.to}"
        for one in found
    ]
    assert said == [
        f"team/base:{BASE.digest}",
        f"team/asr:{ASR.digest}",
        "team/base > team/release",
        "team/base > team/release",
        f"team/release:{BASE.digest}",
        "team/asr > team/release",
        "team/asr > team/release",
        f"team/release:{ASR.digest}",
        "team/release:1.0",
        "team/release:current",
        "team/base:cpu-1.0",
        "team/base:cpu",
        "team/asr:cpu-1.0",
        "team/asr:cpu",
    ]
    assert found[2] == Mount(digest_of(b"base"), "team/base", "team/release")


def test_an_index_is_read_as_it_was_written() -> None:
    version, images = read_index(index_of("1.0", (BASE, ASR)), "x")
    assert version == "1.0"
    assert images == tuple(
        Released(image=one.image, variant=one.variant, digest=one.digest, size=one.size)
        for one in (ASR, BASE)
    )


def test_the_order_of_images_is_not_in_an_index() -> None:
    assert index_of("1.0", (BASE, ASR)) == index_of("1.0", (ASR, BASE))


def test_annotations_are_added_to_those_that_are_there() -> None:
    once = annotated(manifest("base"), {"a": "1", "b": "2"})
    assert json.loads(annotated(once, {"b": "3"}))["annotations"] == {"a": "1", "b": "3"}


@pytest.mark.parametrize("version", ["1.0", "2026.11.24", "f00ba4", "v1_2-3", "0"])
def test_what_can_stand_in_a_tag_is_a_version(version: str) -> None:
    assert check_version(version) == version


@pytest.mark.parametrize("version", ["", "current", "-1", ".1", "a b", "a/b", "a:b", "x" * 65, "1.0\n"])
def test_anything_else_is_none(version: str) -> None:
    with pytest.raises(UsageError):
        check_version(version)


def index(**changes: Any) -> bytes:
    value = json.loads(index_of("1.0", (BASE,)))
    entry = value["manifests"][0]
    for name, one in changes.items():
        if name in ("image", "variant"):
            entry["annotations"][f"org.dockwright.{name}"] = one
        elif name in ("digest", "size"):
            entry[name] = one
        else:
            value[name] = one
    return json.dumps(value).encode()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"{" * 100_000,
        b"[" * 100_000,
        b" " * (4 * 2**20 + 1),
        index(manifests={}),
        index(manifests=[{}]),
        index(annotations=None),
        index(annotations={"org.opencontainers.image.version": "a/../b"}),
        index(image="../base"),
        index(image=7),
        index(variant="cpu:x"),
        index(digest="sha256:0"),
        index(size="many"),
    ],
)
def test_what_is_no_release_is_corrupt(data: bytes) -> None:
    with pytest.raises(RegistryError) as caught:
        read_index(data, "registry.example.org/team/release:1.0")
    assert caught.value.answer == "corrupt"


def test_the_type_of_an_index_is_that_of_an_index() -> None:
    assert [one.type for one in pushes("team", "1.0", (BASE,)) if isinstance(one, Put)] == [
        OCI,
        OCI,
        INDEX,
        INDEX,
        OCI,
        OCI,
    ]


def test_what_no_registry_takes_is_refused_before_anything_is_sent() -> None:
    value = json.loads(manifest("large", "root"))
    value["layers"][0]["size"] = 10 * 10**9
    most = released("large", "cpu", json.dumps(value).encode(), {})
    assert pushes("team", "1.0", (most,))
    value["layers"][0]["size"] += 1
    large = released("large", "cpu", json.dumps(value).encode(), {})
    noted = released("noted", "cpu", manifest("noted"), {"a": "b" * 4 * 2**20})
    for images, why in (
        (
            (large,),
            r"large:cpu: the layer [0-9a-f]{12}… has 10[.]0 GB, and registries accept at most 10\n",
        ),
        ((noted,), "noted:cpu: more than 4 MiB, the limit of a manifest"),
        ((BASE,) * 4097, r"release 1[.]0: 4097 images in an index of [0-9]+ bytes; the limits are 4096"),
    ):
        with pytest.raises(RegistryError, match=why) as caught:
            pushes("team", "1.0", images)
        assert caught.value.answer == "corrupt"


def test_an_index_of_too_many_images_is_not_read_in_part() -> None:
    entry = json.loads(index_of("1.0", (BASE,)))["manifests"][0]
    with pytest.raises(RegistryError, match="`manifests` is not a list of at most 4096"):
        read_index(index(manifests=[entry] * 4097), "registry.example.org/team/release:1.0")
