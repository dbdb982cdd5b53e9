"""The rendered files of the reference stack are what its image.toml files and locks say."""

from __future__ import annotations

from pathlib import Path

from ci.catalog.load import load_stack
from ci.lower.rendered_files import differences
from ci.plan.rendered import rendered

DOCKER = Path(__file__).parents[2] / "docker"


def test_rendered_files_are_fresh() -> None:
    files = rendered(load_stack(DOCKER), bake=(DOCKER / "docker-bake.json").exists())
    assert differences(DOCKER, files) == ([], [])


def test_every_image_variant_has_a_dockerfile() -> None:
    stack = load_stack(DOCKER)
    found = {path.relative_to(DOCKER).as_posix() for path in DOCKER.glob("*/Dockerfile.*")}
    assert found == {f"{image.folder}/Dockerfile.{image.variant}" for image in stack.images}
    assert len(found) == 22
