"""What a registry needs no longer: old cached images that neither a checkout nor a release has. Pure.

Removing a manifest by digest removes every tag that names it, so nothing is chosen that a kept tag names.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from ci.registry.side import gzip_tag, side_tag

CACHED = re.compile(r"k-[0-9a-f]{32}(?:[.](?:key|gz))?")

WHEELS = re.compile(r"[wa]-[0-9a-f]{32}")


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


def choose(
    tagged: Collection[Tagged], current: Collection[str], *, now: datetime, older_than: timedelta
) -> tuple[Stale, ...]:
    """Return the cached images that can go, the largest first.

    A cached image stays while its cache tag is `current`, while a tag that is no cache tag has its config (a
    release), and until it is `older_than`. One without a key document stays too: it may be on its way.
    `size_bytes` is what no tag that stays has.
    """
    found: list[tuple[tuple[Tagged, ...], str]] = []
    by_tag = {(one.repository, one.tag): one for one in tagged}
    kept = [one for one in tagged if not one.is_cached]
    configs = {(one.repository, one.config) for one in kept}
    for one in tagged:
        if not one.is_cached or one.tag != one.key_tag:
            continue
        beside = by_tag.get((one.repository, side_tag(one.tag)))
        # what makes it a hit goes first
        names = (side_tag(one.tag), gzip_tag(one.tag), one.tag)
        whole = tuple(by_tag[one.repository, name] for name in names if (one.repository, name) in by_tag)
        why = _why(one, beside, current, configs, now=now, older_than=older_than)
        if why:
            found.append((whole, why))
        else:
            kept += whole
    chosen = {(each.repository, each.tag) for whole, _ in found for each in whole}
    kept += [one for one in tagged if one.is_cached and (one.repository, one.tag) not in chosen]
    return _stale(found, kept)


def choose_wheels(
    tagged: Collection[Tagged], current: Collection[str], *, now: datetime, older_than: timedelta
) -> tuple[Stale, ...]:
    """Return the wheels that can go, of the tags of their repository: none that is `current` or younger."""
    found: list[tuple[tuple[Tagged, ...], str]] = []
    kept: list[Tagged] = []
    for one in tagged:
        why = ""
        if WHEELS.fullmatch(one.tag) and one.tag not in current:
            why = _age(one.created, now, older_than)
        if why:
            found.append(((one,), why))
        else:
            kept.append(one)
    return _stale(found, kept)


def _stale(found: Collection[tuple[tuple[Tagged, ...], str]], kept: Collection[Tagged]) -> tuple[Stale, ...]:
    """Return what goes of each of `found`, the tags of one thing and why; all of `kept` stays whole."""
    needed = {(one.repository, digest) for one in kept for digest in (one.digest, *one.named)}
    blobs = {digest for one in kept for digest in one.blobs}
    stale = [
        Stale(
            repository=whole[-1].repository,
            tag=whole[-1].tag,
            digests=tuple(each.digest for each in whole if (each.repository, each.digest) not in needed),
            size_bytes=_unshared(whole, blobs),
            why=why,
        )
        for whole, why in found
    ]
    return tuple(sorted((one for one in stale if one.digests), key=lambda one: -one.size_bytes))


def _unshared(whole: Collection[Tagged], kept: Collection[str]) -> int:
    """Return the bytes of an image, in both compressions, or of wheels, that nothing has which is kept."""
    blobs: dict[str, int] = {}
    for one in whole:
        if one.tag != side_tag(one.key_tag):
            blobs.update(one.blobs)
    return sum(size for digest, size in blobs.items() if digest not in kept)


def _why(
    one: Tagged,
    beside: Tagged | None,
    current: Collection[str],
    configs: Collection[tuple[str, str]],
    *,
    now: datetime,
    older_than: timedelta,
) -> str:
    if one.tag in current or (one.repository, one.config) in configs:
        return ""
    if beside is None:
        return ""
    return _age(beside.created, now, older_than)


def _age(created: datetime | None, now: datetime, older_than: timedelta) -> str:
    """Return how old something is, in words; empty where that is too young."""
    if created is None:
        return "of an unknown age"
    age = now - created
    return f"pushed {age.days} days ago" if age >= older_than else ""
