"""What engines can do is data, and the packages that use them decide by it alone."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import ci.run
from ci.engines.buildah.commands import Buildah
from ci.engines.buildah.engine import BuildahEngine
from ci.engines.buildah.storage import Storage
from ci.engines.capabilities import (
    BY_NAME,
    expected_capabilities,
    is_reproducible,
    pushing_engines,
    recorded_name,
)
from ci.engines.docker import DockerEngine
from ci.engines.engine import Engine
from ci.engines.process.runner import Runner

RUN = Path(ci.run.__path__[0])
ENGINES = ("ci.engines.buildah", "ci.engines.dagger", "ci.engines.docker")
MODULE_HOST = "build/dagger_module.py"
"""Code of the Dagger module itself, which has no other engine."""
BUILDAH = BuildahEngine(buildah=Buildah(), runner=Runner())


def named_engines(path: Path) -> list[str]:
    """Return what of a file imports the code of one engine, or compares with its name."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.ImportFrom(module=str(module)) if module.startswith(ENGINES):
                found.append(module)
            case ast.Constant(value=str(text)) if text in BY_NAME:
                found.append(text)
    return found


def test_no_module_of_a_run_names_an_engine() -> None:
    files = {path.relative_to(RUN).as_posix(): path for path in sorted(RUN.rglob("*.py"))}
    assert len(files) > 70
    assert named_engines(files.pop(MODULE_HOST))
    assert {name: found for name, path in files.items() if (found := named_engines(path))} == {}


@pytest.mark.parametrize(
    "engine", [BUILDAH, *(DockerEngine(program=one, runner=Runner()) for one in ("docker", "podman"))]
)
def test_an_engine_has_the_capabilities_that_are_expected_by_its_name(engine: Engine) -> None:
    expected = expected_capabilities(engine.name)
    assert engine.capabilities.sandbox.startswith(expected.sandbox)
    assert engine.capabilities.store_on_this_machine == expected.store_on_this_machine
    assert (engine.store is not None) == expected.store_on_this_machine


def test_without_a_pid_namespace_results_of_checks_are_not_those_of_one() -> None:
    closed = BuildahEngine(buildah=Buildah(pid_namespace=("unshare",)), runner=Runner())
    assert closed.capabilities == BY_NAME["buildah"]
    assert closed.capabilities.sandbox != BUILDAH.capabilities.sandbox


def test_images_of_a_store_without_the_kernels_overlay_are_not_compared_or_pushed() -> None:
    whole = Storage(root="/s", run_root="/r", driver="vfs")
    for storage, name in ((whole, "vfs"), (whole.with_overlay("/usr/bin/fuse-overlayfs"), "fuse-overlayfs")):
        engine = BuildahEngine(buildah=Buildah(storage=storage), runner=Runner())
        assert not engine.capabilities.reproducible
        assert not engine.capabilities.pushes
        assert recorded_name(engine.name, engine.capabilities) == f"buildah ({name})"
        assert not is_reproducible(f"buildah ({name})")
        assert "other digests than on other machines" in storage.warning
    assert recorded_name(BUILDAH.name, BUILDAH.capabilities) == "buildah"
    assert BUILDAH.buildah.storage.warning == ""


async def test_a_run_is_warned_of_how_layers_are_stored() -> None:
    storage = Storage(root="/s", run_root="/r", driver="vfs")
    engine = BuildahEngine(buildah=Buildah(storage=storage), runner=Runner())
    (warning,) = await engine.warnings("any")
    assert "over ten times the disk space" in warning


def test_only_digests_that_are_equal_everywhere_are_compared() -> None:
    assert [name for name in ("", *BY_NAME, "unknown") if is_reproducible(name)] == ["", "buildah"]
    assert pushing_engines() == ("buildah", "dagger")
    assert expected_capabilities("auto") == BY_NAME["buildah"]
