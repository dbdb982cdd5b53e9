"""What a registry needs no longer: old cached images that neither a checkout nor a release has. Pure.

Removing a manifest by digest removes every tag that names it, so nothing is chosen that a kept tag names.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from ci.registry.key_artifact import key_artifact_tag

CACHED = re.compile(r"k-[0-9a-f]{32}(?:[.](?:key|gz|smoke-[0-9a-f]{12}-[a-z0-9-]+))?")
IMAGE_TAG = re.compile(r"k-[0-9a-f]{32}(?:[.]gz)?")
WHEELS = re.compile(r"[wa]-[0-9a-f]{32}")
_LONG_AGO = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tagged:
    """A tag of a repository with what it names.

    `created` is when it was pushed, None where nothing tells; `config` and `blobs` are digests, with sizes;
    `named` are the manifests that an index names.
    """

    repository: str
    tag: str
    digest: str
    config: str
    blobs: dict[str, int]
    created: datetime | None = None
    named: frozenset[str] = frozenset()

    @property
    def is_cached(self) -> bool:
        """Whether it is a cache tag, or what stands beside one."""
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
    """A cached image that can go: its tags, and the digests that are removed for it."""

    repository: str
    tag: str
    digests: tuple[str, ...]
    size_bytes: int
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """What nothing needs but by its age: the tags of one image, what makes it a hit first; or a wheel's."""

    whole: tuple[Tagged, ...]
    created: datetime | None

    @property
    def sizes(self) -> dict[str, int]:
        """Its blobs, in both compressions."""
        return {digest: size for one in self.whole for digest, size in one.sizes.items()}


def choose(
    tagged: Collection[Tagged],
    current: Collection[str],
    *,
    wheels: str = "",
    now: datetime,
    older_than: timedelta,
    keep_bytes: int | None = None,
) -> tuple[Stale, ...]:
    """Return the cached images that can go, and the wheels in the repository `wheels`, the largest first.

    What is `current`, a cache tag or one of wheels, stays. A cached image stays while a tag that is no cache
    tag has its config (a release), and one without a key document too: it may be on its way. Of the rest
    goes what is `older_than`, and what is beyond the newest with which all that stays has at most
    `keep_bytes`. `size_bytes` is what no tag that stays has.
    """
    candidates = _images(tagged, current, wheels) + _wheels(tagged, current, wheels)
    goes: list[tuple[Candidate, str]] = []
    staying = {_name(one): one for one in tagged}
    for one in candidates:
        for each in one.whole:
            del staying[_name(each)]
    there = {digest: size for one in staying.values() for digest, size in one.sizes.items()}
    is_full = False
    for one in sorted(candidates, key=lambda one: one.created or _LONG_AGO, reverse=True):
        why = _age(one.created, now, older_than)
        if not why and keep_bytes is not None:
            is_full = is_full or sum((there | one.sizes).values()) > keep_bytes
            if is_full:
                why = f"with it and what is newer more than {keep_bytes / 1e9:.2f} GB would stay"
        if why:
            goes.append((one, why))
        else:
            there |= one.sizes
            staying |= {_name(each): each for each in one.whole}
    return _stale(goes, staying.values())


def _name(one: Tagged) -> tuple[str, str]:
    return one.repository, one.tag


def _images(tagged: Collection[Tagged], current: Collection[str], wheels: str) -> list[Candidate]:
    by_tag = {_name(one): one for one in tagged}
    configs = {(one.repository, one.config) for one in tagged if not one.is_cached}
    beside_it: dict[tuple[str, str], list[Tagged]] = {}
    for one in tagged:
        if one.is_cached:
            beside_it.setdefault((one.repository, one.key_tag), []).append(one)
    found = []
    for one in tagged:
        artifact = by_tag.get((one.repository, key_artifact_tag(one.tag)))
        if not one.is_cached or one.tag != one.key_tag or one.repository == wheels or artifact is None:
            continue
        if one.tag in current or (one.repository, one.config) in configs:
            continue
        whole = sorted(beside_it[one.repository, one.tag], key=lambda each: _rank(each, one.tag))
        found.append(Candidate(whole=tuple(whole), created=artifact.created))
    return found


def _rank(one: Tagged, tag: str) -> tuple[bool, bool, str]:
    """Return where a tag of the image `tag` stands: what makes it a hit goes first, the image last."""
    return one.tag == tag, one.tag != key_artifact_tag(tag), one.tag


def _wheels(tagged: Collection[Tagged], current: Collection[str], wheels: str) -> list[Candidate]:
    return [
        Candidate(whole=(one,), created=one.created)
        for one in tagged
        if one.repository == wheels and WHEELS.fullmatch(one.tag) and one.tag not in current
    ]


def _stale(goes: Collection[tuple[Candidate, str]], staying: Collection[Tagged]) -> tuple[Stale, ...]:
    """Return what goes of each of `goes`, and why; all that is `staying` stays whole."""
    needed = {(one.repository, digest) for one in staying for digest in (one.digest, *one.named)}
    blobs = {digest for one in staying for digest in one.blobs}
    stale = [
        Stale(
            repository=one.whole[-1].repository,
            tag=one.whole[-1].tag,
            digests=tuple(each.digest for each in one.whole if (each.repository, each.digest) not in needed),
            size_bytes=sum(size for digest, size in one.sizes.items() if digest not in blobs),
            why=why,
        )
        for one, why in goes
    ]
    return tuple(sorted((one for one in stale if one.digests), key=lambda one: -one.size_bytes))


def _age(created: datetime | None, now: datetime, older_than: timedelta) -> str:
    """Return how old something is, in words; empty where that is too young."""
    if created is None:
        return "of an unknown age"
    age = now - created
    return f"pushed {age.days} days ago" if age >= older_than else ""
