"""Debian locks of a stack, with a resolver that answers from a table, and what moved."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ci.catalog.lockfile import parse_apt_lock
from ci.catalog.stack import DebLine
from ci.locks.request import AptRequest
from ci.locks.texts import apt_locks, moves
from tests.stacks import deb, sdist, wheel

NEEDS = {"python3": ("libc6", "libssl3"), "ffmpeg": ("libc6", "libssl3", "libx264"), "tini": ("libc6",)}


def resolve(packages: Sequence[str], installed: Iterable[DebLine]) -> tuple[DebLine, ...]:
    present = {line.name for line in installed}
    wanted = {name for package in packages for name in (package, *NEEDS.get(package, ()))}
    return tuple(deb(name) for name in sorted(wanted - present))


def request(lock: str, *packages: str, ancestors: tuple[str, ...] = ()) -> AptRequest:
    return AptRequest(
        lock=lock, source="", inputs="sha256:" + "1" * 64, packages=packages, ancestors=ancestors, old=()
    )


def names(text: str) -> list[str]:
    lock = parse_apt_lock(text)
    assert (lock.errors, lock.inputs) == ((), "sha256:" + "1" * 64)
    return [line.name for line in lock.lines]


def test_an_image_pins_what_a_minimal_debian_and_the_images_below_lack() -> None:
    locks = apt_locks(
        [
            request("bootstrap.lock", "python3"),
            request("base/apt.lock", "tini"),
            request("mux/apt.lock", "ffmpeg", "tini", ancestors=("base/apt.lock",)),
        ],
        "bootstrap.lock",
        ("dpkg", "libc6"),
        resolve,
    )
    assert {lock.path: names(lock.text) for lock in locks} == {
        "bootstrap.lock": ["dpkg", "libc6", "libssl3", "python3"],
        "base/apt.lock": ["tini"],
        "mux/apt.lock": ["ffmpeg", "libssl3", "libx264"],
    }


def test_moves_say_what_came_went_and_changed() -> None:
    old = [wheel("a"), wheel("b"), wheel("c"), sdist("d")]
    new = [wheel("a"), wheel("b", "2.0"), wheel("e"), wheel("d")]
    assert moves(old, new) == ("b 1.0 -> 2.0", "- c 1.0", "d 1.0, another file", "+ e 1.0")
