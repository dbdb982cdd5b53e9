from __future__ import annotations

from ci.lower.script import wheels_script
from ci.run.build.image import shown
from ci.steps.step import Wheels

STEP = Wheels(name="asr", wheelhouse="w", venv="/opt/venv", python="3.11")


def test_a_run_is_shown_by_its_first_real_command() -> None:
    text = "RUN --mount=type=bind,from=a,target=/mnt   cd /mnt &&   export A=1 &&   uv venv /opt/venv && rm x"
    assert shown(text) == "RUN uv venv /opt/venv"
    assert shown(f"RUN {' && '.join(wheels_script(STEP))}").startswith("RUN /mnt/uv pip install")


def test_a_long_instruction_is_cut_and_a_short_one_is_whole() -> None:
    assert shown("USER 0:0") == "USER 0:0"
    assert len(shown("LABEL " + "x" * 200)) == 80
