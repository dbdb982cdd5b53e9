"""The bytes of artifacts: what earlier versions wrote has to be written again byte for byte."""

from ci.registry.artifact import EMPTY_BLOB, artifact_manifest
from ci.registry.key_artifact import KeyArtifact, key_artifact_manifest, read_key_artifact
from ci.registry.manifest import Blob, read_manifest

FILE = Blob(type="application/zip", digest="sha256:" + "1" * 64, size=7, title="one.whl")
EMPTY = (
    b'{"digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",'
    b'"mediaType":"application/vnd.oci.empty.v1+json","size":2}'
)
KEYED = KeyArtifact(
    key="2" * 64,
    image="sha256:" + "3" * 64,
    config="sha256:" + "4" * 64,
    layers=(("sha256:" + "5" * 64, 9),),
)


def test_an_artifact_has_an_empty_config_and_files_with_titles() -> None:
    assert artifact_manifest("application/x", (FILE,), {"note": "text"}) == (
        b'{"annotations":{"note":"text"},"artifactType":"application/x","config":' + EMPTY + b","
        b'"layers":[{"annotations":{"org.opencontainers.image.title":"one.whl"},"digest":"sha256:'
        + b"1"
        * 64
        + b'","mediaType":"application/zip","size":7}],'
        b'"mediaType":"application/vnd.oci.image.manifest.v1+json","schemaVersion":2}'
    )


def test_an_artifact_without_files_names_the_empty_blob() -> None:
    data = artifact_manifest("application/x", (EMPTY_BLOB,), {})
    assert b'"layers":[' + EMPTY + b"]" in data
    assert read_manifest(data, "x").layers == (EMPTY_BLOB,)


def test_a_key_artifact_reads_back_as_it_was_written() -> None:
    document = Blob(type="application/vnd.dockwright.key.v1+json", digest="sha256:" + "1" * 64, size=7)
    data = key_artifact_manifest(KEYED, document, "2026-01-01T00:00:00+00:00")
    assert read_key_artifact(read_manifest(data, "x"), KEYED.key, "x") == KEYED
    assert data == (
        b'{"annotations":{"org.dockwright.config":"sha256:' + b"4" * 64 + b'",'
        b'"org.dockwright.image":"sha256:' + b"3" * 64 + b'",'
        b'"org.dockwright.key":"' + b"2" * 64 + b'",'
        b'"org.dockwright.layers":"[[\\"sha256:' + b"5" * 64 + b'\\",9]]",'
        b'"org.opencontainers.image.created":"2026-01-01T00:00:00+00:00"},'
        b'"artifactType":"application/vnd.dockwright.key.v1+json","config":' + EMPTY + b","
        b'"layers":[{"digest":"sha256:'
        + b"1"
        * 64
        + b'","mediaType":"application/vnd.dockwright.key.v1+json","size":7}],'
        b'"mediaType":"application/vnd.oci.image.manifest.v1+json","schemaVersion":2}'
    )
