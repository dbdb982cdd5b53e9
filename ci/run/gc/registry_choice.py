"""The retention policy of a registry: which cached images are not needed by a checkout or a release. Pure.

Removing a manifest by digest removes every tag that names it. So no digest of a retained tag is chosen.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from math import inf

from ci.registry.key_artifact import key_artifact_tag

CACHED = re.compile(r"k-[0-9a-f]{32}(?:[.](?:key|gz|smoke-[0-9a-f]{12}-[a-z0-9-]+))?")
IMAGE_TAG = re.compile(r"k-[0-9a-f]{32}(?:[.]gz)?")
WHEELS = re.compile(r"[wa]-[0-9a-f]{32}")
DAY_S = 86400


@dataclass(frozen=True, slots=True, kw_only=True)
class Tagged:
    """A tag of a repository, and what it names.

    Attributes:
        config: digest of the image's config; empty for an index.
        blobs: sizes of its blobs, by digest.
        age_s: seconds since it was pushed; None where that is not known.
        named: digests of the manifests that an index names.
    """

    repository: str
    tag: str
    digest: str
    config: str
    blobs: dict[str, int]
    age_s: float | None = None
    named: frozenset[str] = frozenset()

    @property
    def is_cached(self) -> bool:
        """Whether it is a cache tag, or the tag of an artifact of one."""
        return CACHED.fullmatch(self.tag) is not None

    @property
    def sizes(self) -> dict[str, int]:
        """The blobs that count as its size: none of a key document, or of results of checks."""
        return {} if self.is_cached and not IMAGE_TAG.fullmatch(self.tag) else self.blobs

    @property
    def key_tag(self) -> str:
        """The cache tag that it belongs to."""
        return self.tag.partition(".")[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stale:
    """A cached image that can be removed: its tag, and the digests that are removed for it."""

    repository: str
    tag: str
    digests: tuple[str, ...]
    compressed_bytes: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """What only its age can retain: the tags of one image, its key artifact first; or the tag of a wheel."""

    tags: tuple[Tagged, ...]
    age_s: float | None

    @property
    def sizes(self) -> dict[str, int]:
        """Its blobs, in both compressions."""
        return {digest: size for one in self.tags for digest, size in one.sizes.items()}


def choose(
    tagged: Collection[Tagged],
    current: Collection[str],
    *,
    wheels: str = "",
    older_than_s: float,
    keep_bytes: int | None = None,
) -> tuple[Stale, ...]:
    """Return the cached images and the wheels (of the repository `wheels`) to remove, the largest first.

    Retained are the tags in `current`, cached images whose config a tag of a release has too, and images
    without a key document, which may be on their way. Of the others are removed those that are older than
    `older_than_s`; and the oldest ones, until all that is retained has at most `keep_bytes`. The bytes of a
    tag are those of the blobs that no retained tag has.
    """
    candidates = _images(tagged, current, wheels) + _wheels(tagged, current, wheels)
    removed: list[tuple[Candidate, str]] = []
    retained = {_name(one): one for one in tagged}
    for one in candidates:
        for each in one.tags:
            del retained[_name(each)]
    blobs = {digest: size for one in retained.values() for digest, size in one.sizes.items()}
    is_full = False
    for one in sorted(candidates, key=lambda one: inf if one.age_s is None else one.age_s):
        reason = _age(one.age_s, older_than_s)
        if not reason and keep_bytes is not None:
            is_full = is_full or sum((blobs | one.sizes).values()) > keep_bytes
            if is_full:
                reason = f"with it and what is newer, more than {keep_bytes / 1e9:.2f} GB would be kept"
        if reason:
            removed.append((one, reason))
        else:
            blobs |= one.sizes
            retained |= {_name(each): each for each in one.tags}
    return _stale(removed, retained.values())


def _name(one: Tagged) -> tuple[str, str]:
    return one.repository, one.tag


def _images(tagged: Collection[Tagged], current: Collection[str], wheels: str) -> list[Candidate]:
    by_tag = {_name(one): one for one in tagged}
    configs = {(one.repository, one.config) for one in tagged if not one.is_cached}
    by_image: dict[tuple[str, str], list[Tagged]] = {}
    for one in tagged:
        if one.is_cached:
            by_image.setdefault((one.repository, one.key_tag), []).append(one)
    found = []
    for one in tagged:
        artifact = by_tag.get((one.repository, key_artifact_tag(one.tag)))
        if not one.is_cached or one.tag != one.key_tag or one.repository == wheels or artifact is None:
            continue
        if one.tag in current or (one.repository, one.config) in configs:
            continue
        tags = sorted(by_image[one.repository, one.tag], key=lambda each: _rank(each, one.tag))
        found.append(Candidate(tags=tuple(tags), age_s=artifact.age_s))
    return found


def _rank(one: Tagged, tag: str) -> tuple[bool, bool, str]:
    """Return the order of removal among the tags of an image: the key artifact first, the image last."""
    return one.tag == tag, one.tag != key_artifact_tag(tag), one.tag


def _wheels(tagged: Collection[Tagged], current: Collection[str], wheels: str) -> list[Candidate]:
    return [
        Candidate(tags=(one,), age_s=one.age_s)
        for one in tagged
        if one.repository == wheels and WHEELS.fullmatch(one.tag) and one.tag not in current
    ]


def _stale(removed: Collection[tuple[Candidate, str]], retained: Collection[Tagged]) -> tuple[Stale, ...]:
    """Return what is removed of each candidate; nothing that a retained tag names or has."""
    needed = {(one.repository, digest) for one in retained for digest in (one.digest, *one.named)}
    blobs = {digest for one in retained for digest in one.blobs}
    stale = [
        Stale(
            repository=one.tags[-1].repository,
            tag=one.tags[-1].tag,
            digests=tuple(each.digest for each in one.tags if (each.repository, each.digest) not in needed),
            compressed_bytes=sum(size for digest, size in one.sizes.items() if digest not in blobs),
            reason=reason,
        )
        for one, reason in removed
    ]
    return tuple(sorted((one for one in stale if one.digests), key=lambda one: -one.compressed_bytes))


def _age(age_s: float | None, older_than_s: float) -> str:
    """Return how old something is, in words; empty where it is younger than `older_than_s`."""
    if age_s is None:
        return "of an unknown age"
    return f"pushed {int(age_s // DAY_S)} days ago" if age_s >= older_than_s else ""
