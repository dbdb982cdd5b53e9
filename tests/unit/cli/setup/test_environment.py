from __future__ import annotations

import re
import tomllib

import pytest

from ci.cli.main import CHECKOUT
from ci.cli.setup.environment import SetupError, clean, uv_requirement

HASHES = [f"sha256:{digit * 64}" for digit in "ab"]
PROJECT = '[dependency-groups]\nuv = ["uv==1.2.3"]\n'
LOCK = (
    'version = 1\n\n[[package]]\nname = "uvloop"\nversion = "1.2.3"\n'
    f'wheels = [{{ url = "https://x/l.whl", hash = "sha256:{"c" * 64}" }}]\n\n'
    '[[package]]\nname = "uv"\nversion = "1.2.3"\n'
    f'sdist = {{ url = "https://x/uv.tar.gz", hash = "{HASHES[0]}" }}\n'
    f'wheels = [\n    {{ url = "https://x/uv.whl", hash = "{HASHES[1]}" }},\n]\n\n'
    '[[package]]\nname = "zed"\nversion = "1"\n'
)


def test_uv_is_asked_for_at_the_pinned_version_with_the_hashes_of_the_lock() -> None:
    assert uv_requirement(PROJECT, LOCK) == f"uv==1.2.3 --hash={HASHES[0]} --hash={HASHES[1]}\n"


def test_a_lock_that_lacks_the_pinned_uv_is_refused() -> None:
    with pytest.raises(SetupError, match=r"does not hold uv 1\.2\.4, which pyproject\.toml pins"):
        uv_requirement(PROJECT.replace("1.2.3", "1.2.4"), LOCK)


def test_a_pin_that_is_a_range_is_refused() -> None:
    with pytest.raises(SetupError, match=r"dependency-groups\.uv"):
        uv_requirement(PROJECT.replace("==", ">="), LOCK)


def test_this_checkout_pins_one_uv_everywhere() -> None:
    text = (CHECKOUT / "pyproject.toml").read_text()
    requirement = uv_requirement(text, (CHECKOUT / "uv.lock").read_text())
    version = requirement.partition(" ")[0].removeprefix("uv==")
    assert len(re.findall("--hash=sha256:", requirement)) > 10  # every platform's wheel
    stack = tomllib.loads((CHECKOUT / "docker/stack.toml").read_text())
    assert stack["wheelhouse"]["uv"] == version


def test_nothing_that_makes_another_environment_is_passed_on() -> None:
    foreign = {
        "PIP_FIND_LINKS": "/wheels",
        "PIP_NO_INDEX": "1",
        "PIP_TARGET": "/elsewhere",
        "UV_INDEX_URL": "https://else.where",
        "UV_PROJECT_ENVIRONMENT": "/elsewhere",
        "VIRTUAL_ENV": "/venv",
        "CONDA_PREFIX": "/conda",
        "PYTHONPATH": "/code",
        "PYTHONHOME": "/python",
    }
    kept = {
        "HTTPS_PROXY": "http://proxy",
        "SSL_CERT_FILE": "/ca",
        "PIP_CERT": "/ca",
        "UV_CACHE_DIR": "/cache",
    }
    added = {"PIP_DISABLE_PIP_VERSION_CHECK": "1", "UV_NO_CONFIG": "1"}
    assert clean({**foreign, **kept}) == {**kept, **added}
