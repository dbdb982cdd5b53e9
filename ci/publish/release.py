"""A release: one index that names every image by digest, and the requests that make it. Pure.

    <namespace>/<image>@<digest>          the manifest of each image, with the annotations of the release
    <namespace>/release@<digest>          the same, since an index may name only manifests of its repository
    <namespace>/release:<version>         the index; all of the above is read back by digest, and then
    <namespace>/release:current           the index: this one request makes the release
    <namespace>/<image>:<variant>-<version>, :<variant>     follow it, and can be set again from it
    <namespace>/release:<version>.figures                   sizes and times of its images; not a part of it

An interruption before `current` leaves the old release, and after it the new one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ci.errors import RegistryError, UsageError
from ci.names.digest import digest_of
from ci.names.reference import COMPONENT
from ci.registry.manifest import INDEX, LIMIT_BYTES, OCI, read_manifest, refuse_large_layers
from ci.registry.outside import digest_in, list_in, read_object, size_of, texts_in

REPOSITORY, CURRENT = "release", "current"
METRICS = ".figures"
"""The end of the tag of a release's metrics."""
IMAGE, VARIANT = "org.dockwright.image", "org.dockwright.variant"
VERSION = "org.opencontainers.image.version"
CHECKS, PASSED = "org.dockwright.checks", "passed"
"""The annotation of an image that had passed its checks when it was released."""
MOST_IMAGES = 4096
_IMAGE = re.compile(COMPONENT)
_VERSION = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]{0,63}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Released:
    """One image of a release. `data` is its manifest; empty where only the digest is known."""

    image: str
    variant: str
    digest: str
    size: int
    data: bytes = b""

    @property
    def id(self) -> str:
        """`image:variant`."""
        return f"{self.image}:{self.variant}"


@dataclass(frozen=True, slots=True)
class Mount:
    """Mount the blob `digest` of the repository `origin` in the repository `to`; nothing is uploaded."""

    digest: str
    origin: str
    to: str


@dataclass(frozen=True, slots=True)
class Put:
    """Push the manifest `data` as `repository:reference` (a tag, or its own digest)."""

    repository: str
    reference: str
    data: bytes
    type: str = OCI


Push = Mount | Put


def check_version(version: str) -> str:
    """Return `version` if it can stand in a tag.

    Raises:
        UsageError: it can't stand in a tag.

    Source: OCI distribution-spec 1.1, section Pull: a tag has at most 128 of these characters.
    """
    if not _VERSION.fullmatch(version) or version == CURRENT or version.endswith(METRICS):
        raise UsageError(
            f"--version {version!r} can't be the version of a release",
            hint="use at most 64 letters, digits, `.`, `_` and `-`; neither "
            f"{CURRENT!r} nor a name with {METRICS!r} at its end",
        )
    return version


def metrics_tag(version: str) -> str:
    """Return the tag of the metrics of the release `version`."""
    return f"{version}{METRICS}"


def annotated(data: bytes, notes: Mapping[str, str]) -> bytes:
    """Return the manifest `data` with annotations added: another manifest of the same config and layers."""
    value: dict[str, Any] = json.loads(data)
    value["annotations"] = {**(value.get("annotations") or {}), **notes}
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def released(image: str, variant: str, data: bytes, notes: Mapping[str, str]) -> Released:
    """Return an image of a release by its manifest under its cache tag."""
    own = annotated(data, notes)
    return Released(image=image, variant=variant, digest=digest_of(own), size=len(own), data=own)


def index_of(version: str, images: Sequence[Released]) -> bytes:
    """Return the index of a release. Source: OCI image-spec 1.1, image-index.md."""
    value = {
        "schemaVersion": 2,
        "mediaType": INDEX,
        "manifests": [
            {
                "mediaType": OCI,
                "digest": one.digest,
                "size": one.size,
                "platform": {"architecture": "amd64", "os": "linux"},
                "annotations": {IMAGE: one.image, VARIANT: one.variant},
            }
            for one in sorted(images, key=lambda one: one.id)
        ],
        "annotations": {VERSION: version},
    }
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def read_index(data: bytes, what: str) -> tuple[str, tuple[Released, ...]]:
    """Return the version and the images of a release; `what` names it in messages.

    Raises:
        RegistryError: corrupt: it is not the index of a release.
    """

    def refuse(why: str) -> RegistryError:
        return RegistryError("corrupt", f"{what}: {why}")

    if len(data) > LIMIT_BYTES:
        raise refuse("not the index of a release")
    value = read_object(data, what)
    try:
        version = texts_in(value.get("annotations"), "annotations").get(VERSION, "")
        images = tuple(map(_entry, list_in(value.get("manifests"), "manifests", MOST_IMAGES)))
    except ValueError as error:
        raise refuse(f"not the index of a release ({error})") from error
    if not _VERSION.fullmatch(version):
        raise refuse("its version is not valid")
    return version, images


def _entry(value: Any) -> Released:
    """Return an entry of an index; ValueError where it is not one of dockwright's."""
    entry = value if isinstance(value, dict) else {}
    notes = texts_in(entry.get("annotations"), "annotations")
    image, variant, digest = notes.get(IMAGE, ""), notes.get(VARIANT, ""), digest_in(entry.get("digest"))
    if not _IMAGE.fullmatch(image) or not _VERSION.fullmatch(variant):
        raise ValueError("a name that is not valid")
    return Released(image=image, variant=variant, digest=digest, size=size_of(entry.get("size"), digest))


def pushes(namespace: str, version: str, images: Sequence[Released]) -> tuple[Push, ...]:
    """Return the requests of a release, in order; `images` come parents first, with their manifests.

    Raises:
        RegistryError: corrupt: a layer, a manifest or the index is too large for registries.
    """
    release = f"{namespace}/{REPOSITORY}"
    found: list[Push] = [Put(f"{namespace}/{one.image}", one.digest, one.data) for one in images]
    mounted: set[str] = set()
    for one in images:
        manifest = read_manifest(one.data, one.id)
        refuse_large_layers(manifest, one.id)
        for blob in (manifest.config, *manifest.layers):
            if blob.digest not in mounted:
                mounted.add(blob.digest)
                found.append(Mount(blob.digest, f"{namespace}/{one.image}", release))
        found.append(Put(release, one.digest, one.data))
    index = index_of(version, images)
    if len(index) > LIMIT_BYTES or len(images) > MOST_IMAGES:
        raise RegistryError(
            "corrupt",
            f"release {version}: {len(images)} images in an index of {len(index)} bytes; the limits are "
            f"{MOST_IMAGES} and {LIMIT_BYTES}",
            hint="release fewer images",
        )
    found += [Put(release, version, index, INDEX), Put(release, CURRENT, index, INDEX)]
    return (*found, *tags(namespace, version, images))


def tags(namespace: str, version: str, images: Iterable[Released]) -> tuple[Put, ...]:
    """Return the requests that move the human tags to a release."""
    return tuple(
        Put(f"{namespace}/{one.image}", tag, one.data)
        for one in images
        for tag in (f"{one.variant}-{version}", one.variant)
    )
