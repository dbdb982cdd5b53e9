"""Tests of built images: the store of DOCKWRIGHT_ROOT (or the default one) must hold all image variants."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

from ci.settings import Settings, read_settings
from tests.e2e.container import run_container

RunStage = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def settings() -> Settings:
    return read_settings()


@pytest.fixture
def run_stage(settings: Settings, tmp_path: Path) -> RunStage:
    """Run a stage of the stack in its own image: `run_stage("mux", ["--help"], {folder: "/work"})`."""

    def call(
        image: str,
        args: Sequence[str],
        mounts: Mapping[Path, str] | None = None,
        *,
        entrypoint: Sequence[str] | None = None,
        env: Mapping[str, str] | None = None,
    ) -> subprocess.CompletedProcess[str]:
        name = image if ":" in image else f"{image}:cpu"
        return run_container(
            settings,
            f"localhost/dockwright/{name}",
            args,
            mounts or {},
            tmp_path / "bundle",
            entrypoint=entrypoint,
            env=env,
        )

    return call
