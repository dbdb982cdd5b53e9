from __future__ import annotations

from ci.run.build.image import shown


def test_a_run_is_shown_by_its_first_real_command() -> None:
    text = "RUN --mount=type=bind,from=a,target=/mnt   cd /mnt &&   export A=1 &&   uv venv /opt/venv && rm x"
    assert shown(text) == "RUN uv venv /opt/venv"


def test_a_long_instruction_is_cut_and_a_short_one_is_whole() -> None:
    assert shown("USER 0:0") == "USER 0:0"
    assert len(shown("LABEL " + "x" * 200)) == 80
