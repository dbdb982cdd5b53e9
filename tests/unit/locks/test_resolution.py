"""uv's answers, read."""

from __future__ import annotations

import pytest

from ci.errors import LockError
from ci.locks.choice import ReleaseFile
from ci.locks.resolution import Distribution, parse_export, parse_uv_lock

HEX = "ab" * 32
LOCK = f"""
version = 1

[[package]]
name = "small-cpu"
version = "0"
source = {{ virtual = "." }}

[[package]]
name = "torch"
version = "2.8.0+cu128"
source = {{ registry = "https://pypi.org/simple" }}
sdist = {{ url = "https://files.pythonhosted.org/torch-2.8.0.tar.gz", hash = "sha256:{HEX}", size = 887 }}
wheels = [
    {{ url = "https://files.pythonhosted.org/torch-2.8.0%2Bcu128-py3-none-any.whl", hash = "sha256:{HEX}" }},
]
"""
PLACE = 'source = { registry = "https://pypi.org/simple" }'


def test_files_are_listed_by_their_own_names() -> None:
    files = (
        ReleaseFile(name="torch-2.8.0+cu128-py3-none-any.whl", sha256=HEX),
        ReleaseFile(name="torch-2.8.0.tar.gz", sha256=HEX, size=887),
    )
    torch = Distribution(name="torch", version="2.8.0+cu128", files=files)
    assert parse_uv_lock(LOCK, "small-cpu") == {"torch": torch}


@pytest.mark.parametrize("name", ["Small-cpu", "small_CPU", "…"])
def test_the_project_itself_is_none_of_them_whatever_its_name(name: str) -> None:
    assert set(parse_uv_lock(LOCK, name)) == {"torch"}


@pytest.mark.parametrize(
    "source",
    [
        'source = { registry = "../wheels" }',
        'source = { registry = "https://mirror.example/simple" }',
        'source = { git = "https://example.org/torch?rev=1" }',
        'source = { path = "/opt/wheels/torch.whl" }',
    ],
)
def test_a_distribution_of_another_place_is_refused(source: str) -> None:
    with pytest.raises(LockError, match=r"small-cpu: torch comes from .* valid on this machine only"):
        parse_uv_lock(LOCK.replace(PLACE, source), "small-cpu")


def test_two_versions_of_a_distribution_are_refused() -> None:
    again = f'[[package]]\nname = "torch"\nversion = "2.7.0"\n{PLACE}\n'
    with pytest.raises(LockError, match=r"torch resolved to both 2\.8\.0\+cu128 and 2\.7\.0"):
        parse_uv_lock(LOCK + again, "small-cpu")


def test_an_export_lists_what_the_image_needs() -> None:
    text = (
        "numpy==2.0.2 ; sys_platform == 'linux' and platform_machine == 'x86_64'\n"
        "colorama==0.4.6 ; sys_platform == 'win32'\n"
        "Typing_Extensions==4.16.0\n"
        "tomli==2.0 ; python_version < '3.11'\n"
        "async-timeout==5.0 ; python_full_version < '3.11.3'\n"
        "late==1.0 ; python_full_version >= '3.11.4'\n"
        "    # via something\n"
    )
    assert parse_export(text, "3.11") == {"numpy", "typing-extensions", "async-timeout", "late"}
