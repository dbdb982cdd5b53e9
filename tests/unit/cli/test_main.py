from __future__ import annotations

import json
from pathlib import Path

import click
import pytest

from ci.cli import main as module
from ci.cli.commands import COMMANDS, Entry, Group
from ci.cli.main import BUG, STOPPED, main
from ci.errors import BuildError, LockError
from tests.unit.catalog.folder import StackFolder

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small stack, away from this checkout, with nothing of the user's own settings."""
    for name in ("DOCKWRIGHT_STACK", "DOCKWRIGHT_ROOT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    return StackFolder(tmp_path).path


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> list[BaseException]:
    """Make `schema` a command that raises what is put into this list."""
    raised: list[BaseException] = []

    @click.command()
    def schema() -> None:
        raise raised[0]

    monkeypatch.setattr(module, "failing", schema, raising=False)
    monkeypatch.setitem(
        COMMANDS, "schema", Entry(path="ci.cli.main:failing", group=Group.inspect, summary="Fail.")
    )
    return raised


def test_no_command_shows_the_help_and_ends_with_2(capsys: Captured) -> None:
    assert main([]) == 2
    assert "Build:" in capsys.readouterr().err


def test_help_goes_to_standard_output(capsys: Captured) -> None:
    assert main(["--help"]) == 0
    out, err = capsys.readouterr()
    assert "build-all" in out
    assert err == ""


def test_an_unknown_command_is_answered_with_the_nearest_one(capsys: Captured) -> None:
    assert main(["pln"]) == 2
    assert capsys.readouterr().err.startswith(
        "dockwright: no command 'pln'; did you mean 'plan'? Known: build-all, "
    )


def test_an_unknown_option_ends_with_2(capsys: Captured) -> None:
    assert main(["plan", "--nope"]) == 2
    assert "No such option" in capsys.readouterr().err


def test_a_commands_help_needs_no_valid_settings(capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKWRIGHT_JOBS", "many")
    assert main(["plan", "--help"]) == 0
    assert main(["graph"]) == 2
    assert "DOCKWRIGHT_JOBS" in capsys.readouterr().err


def test_a_stack_that_is_not_there_is_named(stack: Path, capsys: Captured) -> None:
    assert main(["--stack", "nowhere", "graph"]) == 2
    assert capsys.readouterr().err.startswith(
        "dockwright: nowhere: no such directory\nhint: a stack directory has "
    )
    assert stack.exists()


@pytest.mark.parametrize("command", ["plan", "graph"])
def test_a_variant_that_the_stack_lacks_is_refused(stack: Path, capsys: Captured, command: str) -> None:
    argv = ["--stack", str(stack), command, "--variant", "gpu"]
    assert main(argv if command == "graph" else [*argv, "--base", "bootstrap"]) == 2
    assert capsys.readouterr().err == "dockwright: the stack has no variant 'gpu'\nhint: Known: cpu, cuda\n"


def test_the_stack_of_this_checkout_is_used_from_any_directory(stack: Path, capsys: Captured) -> None:
    assert main(["graph"]) == 0
    assert "second-pass-translation:cuda" in capsys.readouterr().out
    assert stack.exists()


def test_the_option_goes_before_the_variable_and_that_before_the_checkout(
    stack: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKWRIGHT_STACK", "nowhere")
    assert main(["graph"]) == 2
    assert main(["--stack", str(stack), "graph"]) == 0
    assert "tool:cpu" in capsys.readouterr().out


def test_a_relative_stack_in_a_variable_is_one_of_this_directory(
    stack: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKWRIGHT_STACK", stack.name)  # the checkout has a folder of that name, too
    assert main(["graph"]) == 0
    assert "tool:cpu" in capsys.readouterr().out


def test_settings_come_from_a_file_here(stack: Path, capsys: Captured) -> None:
    Path(".dockwright.env").write_text(f"DOCKWRIGHT_STACK={stack}\n")
    assert main(["graph"]) == 0
    assert "tool:cpu" in capsys.readouterr().out


@pytest.mark.parametrize("error", [LockError("it is stale"), BuildError("it broke")])
def test_what_the_user_can_act_on_is_a_sentence_and_an_exit_code(
    failing: list[BaseException], capsys: Captured, error: LockError | BuildError
) -> None:
    failing.append(error)
    assert main(["schema"]) == error.exit_code
    assert capsys.readouterr().err == f"dockwright: {error}\n"


def test_errors_of_a_task_group_are_told_one_by_one(failing: list[BaseException], capsys: Captured) -> None:
    failing.append(ExceptionGroup("tasks", [LockError("one"), ExceptionGroup("more", [BuildError("two")])]))
    assert main(["schema"]) == LockError.exit_code
    assert capsys.readouterr().err == "dockwright: one\ndockwright: two\n"


def test_a_mistake_of_ours_shows_a_traceback_and_asks_for_a_report(
    failing: list[BaseException], capsys: Captured
) -> None:
    failing.append(ExceptionGroup("tasks", [LockError("one"), KeyError("ours")]))
    assert main(["schema"]) == BUG
    err = capsys.readouterr().err
    assert "KeyError: 'ours'" in err
    assert "please report it" in err.splitlines()[-1]


@pytest.mark.parametrize("error", [KeyboardInterrupt(), click.Abort()])
def test_ctrl_c_ends_with_130(failing: list[BaseException], capsys: Captured, error: BaseException) -> None:
    failing.append(error)
    assert main(["schema"]) == STOPPED
    assert capsys.readouterr().err.strip() == "stopped"


def test_the_exit_code_of_a_command_is_passed_on(failing: list[BaseException]) -> None:
    failing.append(SystemExit(6))
    assert main(["schema"]) == 6


@pytest.mark.parametrize(
    ("words", "title"),
    [
        ([], "image.toml of a dockwright stack"),
        (["image"], "image.toml of a dockwright stack"),
        (["stack"], "stack.toml of a dockwright stack"),
        (["bases"], "bases.lock.toml of a dockwright stack"),
        (["report"], "report.json of a run of dockwright"),
        (["events"], "An event of a run of dockwright"),
    ],
)
def test_the_schema_is_json(capsys: Captured, words: list[str], title: str) -> None:
    assert main(["schema", *words]) == 0
    assert json.loads(capsys.readouterr().out)["title"] == title


def test_the_version_is_that_of_pyproject(capsys: Captured) -> None:
    assert main(["--version"]) == 0
    text = (module.CHECKOUT / "pyproject.toml").read_text()
    assert f'version = "{capsys.readouterr().out.split()[1]}"' in text
