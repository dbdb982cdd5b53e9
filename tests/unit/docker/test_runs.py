"""The real runs that the images of the reference stack declare for their checks."""

from __future__ import annotations

from pathlib import Path

from ci.catalog.load import load_stack
from ci.smoke.probe_request import smoke_request

STACK = load_stack(Path(__file__).parents[3] / "docker")


def test_every_image_has_a_run_of_its_own_and_does_those_of_its_ancestors() -> None:
    lines = {"demux:cpu": ["base", "demux"], "asr:cuda": ["base", "base-ml", "asr"], "base:cuda": ["base"]}
    for id_, images in lines.items():
        wanted = {
            f"python smoke/run.py of {one}": ["python", f"/run/probe/inputs/{one}/run.py"] for one in images
        }
        assert smoke_request(STACK, STACK.get(id_))["runs"] == wanted
    assert [image.id for image in STACK.images if image.smoke.runs != (("python", "smoke/run.py"),)] == []
