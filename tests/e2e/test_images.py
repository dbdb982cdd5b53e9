"""What must be in no final image, looked for in its whole file system."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from ci.catalog.load import load_stack
from ci.settings import Settings
from tests.e2e.container import mounted

pytestmark = pytest.mark.engine

DOCKER = Path(__file__).parents[2] / "docker"
IMAGES = [image.id for image in load_stack(DOCKER).images if image.variant == "cpu"]
COMPILERS = re.compile(r"(.*-)?(gcc|g\+\+|cc|c\+\+|clang|ld|as|cc1|cc1plus)(-\d+)?$")
CACHES = ("root/.cache", "home/app/.cache", "var/cache/apt/archives", "var/lib/apt/lists")
OF_THE_BUILD = ("mnt", "layer", "run/dockwright", "debhouse", "wheelhouse")


@pytest.mark.parametrize("id_", IMAGES)
def test_no_compiler_dev_package_cache_or_trace_of_the_build_is_in(id_: str, settings: Settings) -> None:
    with mounted(settings, f"localhost/dockwright/{id_}") as (root, config):
        programs = [
            str(path)
            for folder in ("usr/bin", "usr/local/bin", "usr/lib/gcc", "opt/venv/bin")
            for path in (root / folder).rglob("*")
            if COMPILERS.match(path.name)
        ]
        status = (root / "var/lib/dpkg/status").read_text(errors="replace")
        cached = [str(f) for folder in CACHES for f in (root / folder).rglob("*") if f.is_file()]
        traces = [name for name in OF_THE_BUILD if (root / name).exists() and any((root / name).iterdir())]
        stale = [str(path) for path in (root / "usr/lib").rglob("*.pyc") if not unchecked(path)]
        setuid_of_app = [path for path in (root / "opt/app").rglob("*") if path.stat().st_uid != 0]
    assert programs == []
    assert re.findall(r"^Package: (\S+-dev)$", status, re.MULTILINE) == []
    assert cached == []
    assert traces == []
    assert stale == []
    assert setuid_of_app == []
    assert config["User"] == "1000:1000"
    assert config["Entrypoint"][:2] == ["/usr/bin/tini", "--"]


def unchecked(path: Path) -> bool:
    """Whether bytecode does not go by times. Source: PEP 552: flags 1 mean hash-based, not checked."""
    with path.open("rb") as file:
        return file.read(8)[4:] == b"\x01\x00\x00\x00"


def test_a_compiler_would_be_found() -> None:
    found = {name for name in os.listdir("/usr/bin") if COMPILERS.match(name)}  # noqa: PTH208
    names = {"gcc", "x86_64-linux-gnu-g++-12", "ld", "clang-14", "cc1plus"}
    assert {name for name in names if COMPILERS.match(name)} == names
    assert "accept" not in found
