"""uv over the default index, in an environment that points elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from ci.catalog.stack import LockLine
from ci.errors import CommandError, LockError
from ci.locks.child import run
from ci.locks.project import Group, Project
from ci.locks.uv import resolve, resolver_environment
from tests.engine.luck import sdist, serving, sha
from tests.stacks import wheel

pytestmark = pytest.mark.engine


def project(*requirements: str, constraints: tuple[tuple[str, str], ...] = ()) -> Project:
    return Project(
        name="small-cpu",
        python="3.11",
        groups=(
            Group(name="base-in-cpu", parent="", requirements=("idna",)),
            Group(name="tool-in-cpu", parent="base-in-cpu", requirements=requirements),
        ),
        constraints=constraints,
    )


def pins(*lines: LockLine) -> dict[str, LockLine]:
    return {line.name: line for line in lines}


def test_settings_of_this_machine_do_not_reach_a_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "idna-99.0-py3-none-any.whl").write_bytes(b"not a wheel")
    for name in ("UV_FIND_LINKS", "PIP_FIND_LINKS"):
        monkeypatch.setenv(name, str(tmp_path))
    for name in ("UV_INDEX", "UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL"):
        monkeypatch.setenv(name, "http://127.0.0.1:9/simple")
    (tmp_path / "uv").mkdir()
    (tmp_path / "uv/uv.toml").write_text('index-url = "http://127.0.0.1:9/simple"\n')
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    found = resolve(project("six"), {})
    assert found.groups == {"base-in-cpu": {"idna"}, "tool-in-cpu": {"idna", "six"}}
    assert found.distributions["idna"].version != "99.0"


def test_a_pin_that_fits_stays_and_one_that_does_not_moves() -> None:
    held = pins(wheel("idna", "3.4"), wheel("six", "1.14.0"))
    found = resolve(project("six>=1.16"), held).distributions
    assert found["idna"].version == "3.4"
    assert found["six"].version not in {"1.14.0", "1.15.0"}
    names = [file.name for file in found["idna"].files]
    assert "idna-3.4-py3-none-any.whl" in names


def test_a_conflict_shows_all_that_uv_says_after_one_sentence() -> None:
    with pytest.raises(LockError) as caught:
        resolve(project("six==1.16.0", constraints=(("six", "1.15.0"),)), {})
    first, *rest = str(caught.value).splitlines()
    assert first.startswith("small-cpu: the requirements of the images do not fit together")
    assert "tool-in-cpu depends on six==1.16.0" in " ".join(rest)


def test_a_missing_uv_is_said(tmp_path: Path) -> None:
    with pytest.raises(LockError, match="need uv, which is not on PATH"):
        resolve(project("six"), {}, program=str(tmp_path / "uv"))


def test_what_a_program_prints_that_is_not_utf_8_is_replaced() -> None:
    program = ("sh", "-c", r"printf 'a\377b\n'; exit $1", "sh")
    assert run((*program, "0"), {}) == "a\ufffdb\n"
    with pytest.raises(CommandError) as caught:
        run((*program, "3"), {})
    assert (caught.value.status, caught.value.tail) == (3, "a\ufffdb")


def test_an_unknown_extra_is_an_error_and_a_yanked_release_a_warning() -> None:
    with pytest.raises(LockError) as caught:
        resolve(project("uvicorn[standrad]==0.34.0"), {})
    assert str(caught.value).splitlines() == [
        "tool:cpu: uvicorn[standrad]: uvicorn 0.34.0 has no extra 'standrad'",
        "hint: did you mean 'standard'? Known: standard",
    ]
    warnings: list[str] = []
    resolve(project("attrs==21.1.0"), {}, warn=warnings.append)
    (warning,) = warnings
    assert warning.startswith("tool:cpu: `attrs==21.1.0` is yanked")


def test_requirements_of_other_interpreters_and_systems_are_no_second_version() -> None:
    found = resolve(
        project(
            "six==1.16.0 ; platform_python_implementation == 'CPython'",
            "six==1.15.0 ; platform_python_implementation == 'PyPy'",
            "six==1.14.0 ; platform_system == 'Windows'",
            "six==1.13.0 ; os_name == 'nt'",
        ),
        {},
    )
    assert found.distributions["six"].version == "1.16.0"


BACKEND = """\
import pathlib
pathlib.Path({ran!r}).touch()

def get_requires_for_build_wheel(config_settings=None):
    return []
"""
PROJECT = b'[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'


@pytest.mark.parametrize("told", [True, False], ids=["in-its-files", "by-its-code"])
def test_what_an_sdist_requires_is_found_without_running_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, told: bool
) -> None:
    ran = tmp_path / "it-ran"
    files = {"pyproject.toml": PROJECT, "backend.py": BACKEND.format(ran=str(ran)).encode()}
    more = {"x.egg-info/PKG-INFO": b""} if told else {}
    sdists = {
        "evil": sdist("evil", {**files, **more, **({"x.egg-info/requires.txt": b"thing\n"} if told else {})}),
        "thing": sdist("thing", {**files, **more}),
    }

    def fetch(name: str, version: str) -> tuple[str, bytes]:
        return f"{name}-{version}.tar.gz", sdists[name]

    def environment(given: Mapping[str, str]) -> dict[str, str]:
        return {**resolver_environment(given), "UV_DEFAULT_INDEX": f"{served.url}/simple"}

    monkeypatch.setattr("ci.locks.uv.resolver_environment", environment)
    evil = Project(name="small", python="3.11", groups=(Group(name="g", parent="", requirements=("evil",)),))
    with serving() as served:
        monkeypatch.setattr("ci.locks.resolution.INDEX", f"{served.url}/simple")
        for name, content in sdists.items():
            file = f"{name}-1.0.tar.gz"
            served.bodies[f"/files/{file}"] = content
            page = f'<a href="/files/{file}#sha256={sha(content)}">{file}</a>'
            served.bodies[f"/simple/{name}/"] = page.encode()
        if told:
            found = resolve(evil, {}, fetch=fetch)
            assert found.groups == {"g": {"evil", "thing"}}
        else:
            with pytest.raises(LockError, match="`lock` runs no code of a distribution"):
                resolve(evil, {}, fetch=fetch)
    assert not ran.exists()
