from __future__ import annotations

from pathlib import Path

import pytest

from ci.engines.engine import Output
from ci.run.inputs.messages import log_only, messages_only
from ci.wheelhouse.program.message import say


def test_of_a_programs_lines_only_its_messages_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    say("3 packages, 1 to fetch")
    shown: list[str] = []
    output = messages_only(Output(log=Path("log"), on_line=shown.append))
    assert output.log == Path("log")
    assert output.on_line is not None
    for line in ["Collecting numpy", capsys.readouterr().out.rstrip("\n"), "", "numpy: dockwright: no"]:
        output.on_line(line)
    assert shown == ["3 packages, 1 to fetch"]


def test_where_nobody_listens_there_is_only_the_log() -> None:
    assert messages_only(Output(log=Path("log"))) == Output(log=Path("log"))
    assert log_only(Output(log=Path("log"))) == Output(log=Path("log"))


def test_of_a_program_without_messages_its_warnings_are_shown() -> None:
    shown: list[str] = []
    output = log_only(Output(log=Path("log"), on_line=shown.append))
    assert output.on_line is not None
    for line in ("I: extracting", "W: the mirror is slow", "done"):
        output.on_line(line)
    assert shown == ["warning: the mirror is slow"]
