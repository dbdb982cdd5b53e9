"""A stage that starts and does not do its work fails its real run, with what is wrong in one sentence.

The fault is a file that is mounted over the stage's program in its own finished image.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import pytest

from ci.catalog.files import SMOKE
from ci.catalog.load import load_stack
from ci.engines.buildah.engine import BuildahEngine
from ci.engines.choose import choose_engine
from ci.engines.engine import Output, SandboxedProgram
from ci.engines.process.runner import Runner
from ci.report.check import Check, Status
from ci.settings import Settings
from ci.smoke.probe_request import INPUTS, PROBE, smoke_request
from ci.smoke.results import parse_results

pytestmark = pytest.mark.engine

DOCKER = Path(__file__).parents[2] / "docker"
STACK = load_stack(DOCKER)
RUN = "python smoke/run.py of subtitle-gen"
PROGRAM = "/opt/app/subtitle-gen.py"
SOURCE = (DOCKER / "subtitle-gen" / "subtitle-gen.py").read_text()


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """The image subtitle-gen:cpu in the store, and a folder for what is mounted into it."""

    engine: BuildahEngine
    folder: Path

    async def programs(self, program: str = "") -> dict[str, Check]:
        """Return the checks of the programs by name, with `program` in place of the stage's own."""
        image, name = STACK.get("subtitle-gen:cpu"), "dockwright/subtitle-gen:cpu"
        probe, mounts = self.folder / "probe", list[tuple[Path, str, str]]()
        shutil.copytree(str(files("ci.smoke.program").joinpath("")), probe)
        for one in reversed(STACK.lineage(image.id)):
            inputs = probe / INPUTS.removeprefix(f"{PROBE}/") / one.image
            shutil.copytree(DOCKER / one.folder / SMOKE, inputs, dirs_exist_ok=True)
        request = {**smoke_request(STACK, image), "rungs": ["programs"], "gpu_first_only": False}
        (probe / "request.json").write_text(json.dumps(request))
        if program:
            (self.folder / "stage.py").write_text(program)
            mounts.append((self.folder / "stage.py", PROGRAM, "ro"))
        closed = SandboxedProgram(
            argv=("/opt/venv/bin/python", "-I", "-B", f"{PROBE}/probe.py", f"{PROBE}/request.json"),
            config=(await self.engine.inspect(name)).config,
            mounts=(*mounts, (probe, PROBE, "ro")),
            limit_s=300.0,
        )
        ended = await self.engine.run_sandboxed((await self.engine.images())[name], closed, Output())
        found = parse_results(ended.output, ended.status, reason=ended.termination_reason, tail=ended.tail)
        return {check.name: check for check in found}


@pytest.fixture
def stage(settings: Settings, tmp_path: Path) -> Stage:
    tmp_path.chmod(0o755)
    engine = choose_engine(settings.with_(engine="buildah"), Runner())
    assert isinstance(engine, BuildahEngine)
    return Stage(engine=engine, folder=tmp_path)


def failed(checks: dict[str, Check]) -> dict[str, str]:
    """Return the first lines of what failed, by name."""
    wrong = {name: check for name, check in checks.items() if check.status is Status.failed}
    return {name: check.detail.splitlines()[1] for name, check in wrong.items()}


async def test_the_stage_as_it_is_passes_and_says_what_it_did(stage: Stage) -> None:
    checks = await stage.programs()
    assert failed(checks) == {}
    assert checks[RUN].detail == "three cues in three formats, one of them sung"
    assert "python smoke/run.py of base" in checks


async def test_a_stage_that_does_its_work_wrongly_fails_though_it_ends_with_0(stage: Stage) -> None:
    wrong = SOURCE.replace("cues(span, text, sung=is_sung)", "cues(span, text, sung=False)")
    assert wrong != SOURCE
    (sentence,) = failed(await stage.programs(wrong)).values()
    assert sentence.startswith("subtitle-gen: subtitles.srt should be ")
    assert "♪ la la ♪" in sentence


async def test_a_stage_that_writes_nothing_fails_though_it_ends_with_0(stage: Stage) -> None:
    wrong = SOURCE.replace("    body=subtitle_gen,", "    body=lambda job, arguments: None,")
    assert wrong != SOURCE
    (sentence,) = failed(await stage.programs(wrong)).values()
    assert sentence.startswith("subtitle-gen wrote no subtitles.json that can be read: ")


async def test_a_stage_that_breaks_down_at_work_fails_with_its_own_reason(stage: Stage) -> None:
    wrong = SOURCE.replace("sung = _sung(", "sung = 1 / 0 or _sung(")
    assert wrong != SOURCE
    checks = await stage.programs(wrong)
    assert failed(checks) == {RUN: "subtitle-gen ended with 70: division by zero"}
    assert checks["--help"].status is Status.passed
