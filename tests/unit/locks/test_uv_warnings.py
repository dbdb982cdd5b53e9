"""Warnings of uv: the images that they are about, and an extra that does not exist."""

from __future__ import annotations

import socket

import pytest

from ci.errors import LockError
from ci.locks import uv_warnings
from ci.locks.choice import ReleaseFile
from ci.locks.project import Group, Project
from ci.locks.resolution import Distribution, Resolution
from ci.locks.uv_warnings import about_images, check_extra, extras_in, extras_of

UNKNOWN = "The package `uvicorn==0.54.0` does not have an extra named `standrad`"


def project(requirement: str) -> Project:
    groups = (
        Group(name="base-in-cpu", parent="", requirements=("idna",)),
        Group(name="api-in-cpu", parent="base-in-cpu", requirements=(requirement,)),
    )
    return Project(name="small-cpu", python="3.11", groups=groups)


RESOLUTION = Resolution(
    distributions={"uvicorn": Distribution(name="uvicorn", version="0.54.0", files=())},
    groups={
        "base-in-cpu": frozenset({"idna"}),
        "api-in-cpu": frozenset({"idna", "uvicorn"}),
    },
)


def test_an_extra_that_a_requirement_misspells_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uv_warnings, "extras_of", lambda _: ("standard", "watch"))
    with pytest.raises(LockError) as caught:
        check_extra(project("Uvicorn[Standrad]>=0.5"), RESOLUTION, UNKNOWN)
    assert str(caught.value).splitlines() == [
        "api:cpu: uvicorn[standrad]: uvicorn 0.54.0 has no extra 'standrad'",
        "hint: did you mean 'standard'? Known: standard, watch",
    ]


def test_an_extra_of_a_distribution_without_extras_is_an_error_too() -> None:
    with pytest.raises(LockError, match="hint: write uvicorn without it"):
        check_extra(project("uvicorn[standrad]"), RESOLUTION, UNKNOWN)


def test_an_extra_that_another_distribution_asks_for_is_a_warning() -> None:
    check_extra(project("uvicorn"), RESOLUTION, UNKNOWN)
    assert about_images(project("uvicorn"), RESOLUTION, UNKNOWN) == f"api:cpu: {UNKNOWN}"


def test_a_warning_names_the_image_that_brings_a_package_and_not_its_children() -> None:
    yanked = "`idna==1.0` is yanked"
    assert about_images(project("uvicorn"), RESOLUTION, yanked) == f"base:cpu: {yanked}"
    assert about_images(project("uvicorn"), RESOLUTION, "the cache is slow") == "small-cpu: the cache is slow"


def test_extras_are_those_of_the_metadata() -> None:
    text = "Name: uvicorn\nProvides-Extra: standard\nProvides-Extra: watch\n\nProvides-Extra: no\n"
    assert extras_in(text) == ("standard", "watch")


@pytest.mark.parametrize("place", ["http://169.254.169.254", "http://localhost", "ftp://index.example"])
def test_extras_are_not_read_from_this_machine_or_its_link(
    place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []

    def connect(address: object, *_more: object, **_options: object) -> socket.socket:
        asked.append(address)
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "create_connection", connect)
    wheel = ReleaseFile(name="thing-1.0-py3-none-any.whl", sha256="ab" * 32, url=f"{place}/thing.whl")
    assert extras_of(Distribution(name="thing", version="1.0", files=(wheel,))) == ()
    assert asked == []
