"""Whatever a registry, a token server or a file of credentials has in it: only our own errors come out."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ci.errors import RegistryError
from ci.publish.release import index_of, read_index
from ci.registry.auth import _token_of
from ci.registry.credentials import find_credentials
from ci.registry.key_artifact import (
    KeyArtifact,
    key_artifact_manifest,
    read_document,
    read_key_artifact,
)
from ci.registry.manifest import OCI, Blob, index_digests, read_manifest
from ci.registry.outside import MOST_BYTES
from ci.registry.reply import Reply
from ci.registry.retry import retry_after_s
from ci.report.budget.metrics import read_baseline
from ci.smoke.ledger_entry import Subject, read_entry

DIGEST = "sha256:" + "0" * 64
KEY = "k" * 64
SUBJECT = Subject(image=DIGEST, suite="0" * 64, machine="x")
BLOB = Blob(type=OCI, digest=DIGEST, size=1)
ARTIFACT = KeyArtifact(key=KEY, image=DIGEST, config=DIGEST, layers=((DIGEST, 1), (DIGEST, 2)))
MANIFEST = key_artifact_manifest(ARTIFACT, BLOB, "2026-01-01T00:00:00+00:00")
AUTHFILE = json.dumps({"auths": {"r.example": {"auth": base64.b64encode(b"a:b").decode()}}}).encode()

HARD: st.SearchStrategy[Any] = st.sampled_from(
    [
        10**400,
        -(10**400),
        -1,
        2**63,
        2**64,
        MOST_BYTES + 1,
        1.5,
        1e308,
        True,
        None,
        "",
        "\x00",
        "ä",
        DIGEST,
        [],
        {},
    ]
)
VALUES = st.recursive(
    HARD | st.text(max_size=20) | st.integers() | st.floats(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the path of every value in `value`."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(found for key, one in inner for found in places(one, (*path, key)))]


def replaced(value: Any, path: tuple[Any, ...], other: Any) -> Any:
    if not path:
        return other
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = replaced(value[path[0]], path[1:], other)
    return copy


@st.composite
def damaged(draw: st.DrawFn, good: bytes) -> bytes:
    """Return `good` with one value replaced, a name twice, bytes cut, nested or anything else."""
    value = json.loads(good)
    match draw(st.integers(0, 5)):
        case 0:
            return draw(st.binary(max_size=50))
        case 1:
            return good[: draw(st.integers(0, len(good)))]
        case 2:
            place = draw(st.integers(0, len(good) - 1))
            return good[:place] + draw(st.binary(min_size=1, max_size=3)) + good[place + 1 :]
        case 3:
            depth = draw(st.sampled_from([10, 1000, 200_000]))
            return b'{"a":' * depth + good + b"}" * depth
        case 4:
            return good[:-1] + b',"a":1,"a":2}'
        case _:
            other = draw(VALUES)
            path = draw(st.sampled_from(places(value)))
            return json.dumps(replaced(value, path, other)).encode()


def key_artifact(data: bytes) -> KeyArtifact:
    return read_key_artifact(read_manifest(data, "x"), KEY, "x")


def reply(data: bytes) -> str:
    return Reply(400, {}, data, "").detail


GOOD = b'{"token": "abc", "errors": [{"code": "DENIED", "message": "no"}]}'
BASELINE = b'{"images": [{"id": "a:cpu", "key": "k", "unpacked_bytes": 1}]}'
PARSERS: dict[str, tuple[Callable[[bytes], Any], bytes, type[Exception]]] = {
    "manifest": (lambda data: read_manifest(data, "x"), MANIFEST, RegistryError),
    "index": (lambda data: index_digests(data, "x"), index_of("1", ()), RegistryError),
    "key artifact": (key_artifact, MANIFEST, RegistryError),
    "document": (lambda data: read_document(data, "x"), MANIFEST, RegistryError),
    "release": (lambda data: read_index(data, "x"), index_of("1", ()), RegistryError),
    "token": (lambda data: _token_of(data, "x"), GOOD, RegistryError),
    "error": (reply, GOOD, AssertionError),
    "baseline": (read_baseline, BASELINE, ValueError),
    "ledger": (lambda data: read_entry(data, SUBJECT), BASELINE, ValueError),
}


@pytest.mark.parametrize("name", PARSERS)
@given(data=st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
def test_what_a_registry_sends_is_read_or_refused(name: str, data: st.DataObject) -> None:
    parse, good, error = PARSERS[name]
    sent = data.draw(damaged(good))
    try:
        found = parse(sent)
    except error:
        return
    if isinstance(found, KeyArtifact):
        assert all(0 <= size <= MOST_BYTES for _, size in found.layers)
    if name == "manifest":
        assert all(0 <= blob.size <= MOST_BYTES for blob in (found.config, *found.layers))


@given(data=st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
def test_a_file_of_credentials_is_read_or_refused(data: st.DataObject, tmp_path_factory: Any) -> None:
    path: Path = tmp_path_factory.mktemp("auth") / "auth.json"
    path.write_bytes(data.draw(damaged(AUTHFILE)))
    found = find_credentials("r.example/team", {"REGISTRY_AUTH_FILE": str(path)}, path.parent)
    assert found.credentials is None or found.credentials.basic()


@given(
    st.text(max_size=60) | st.integers().map(str) | st.just("Tue, 99 Nov 99999999999999999999 12:00:09 GMT")
)
def test_a_pause_is_a_number_or_none(text: str) -> None:
    found = retry_after_s(text, datetime(2026, 11, 24, tzinfo=UTC))
    assert found is None or found == found
