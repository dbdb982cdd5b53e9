from __future__ import annotations

import click
import pytest

from ci.cli import commands
from ci.cli.commands import COMMANDS, Entry
from ci.cli.completion.shells import SHELLS
from ci.cli.main import cli, main


@pytest.mark.parametrize("shell", SHELLS)
def test_the_command_prints_the_script_that_clicks_protocol_gives(
    shell: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["completion", shell]) == 0
    script = capsys.readouterr().out
    monkeypatch.setenv("_DOCKWRIGHT_COMPLETE", f"{shell}_source")
    assert main([]) == 0
    assert capsys.readouterr().out == script
    assert f"_DOCKWRIGHT_COMPLETE={shell}_complete" in script
    assert "2>/dev/null" in script


def test_names_of_commands_are_completed_without_importing_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "COMMANDS", {**COMMANDS})
    for name, entry in COMMANDS.items():
        broken = Entry(path="nowhere:nothing", group=entry.group, summary=entry.summary)
        monkeypatch.setitem(commands.COMMANDS, name, broken)
    found = cli.shell_complete(click.Context(cli), "ver")
    assert [(item.value, item.help) for item in found] == [
        (name, COMMANDS[name].summary) for name in ("verify-repro", "verify-engines", "verify")
    ]
