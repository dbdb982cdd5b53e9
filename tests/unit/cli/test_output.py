"""A standard output that is closed, full or without reader: a sentence and an exit code, never a bug."""

from __future__ import annotations

from pathlib import Path

import pytest

from ci.cli.commands import COMMANDS
from ci.cli.main import BUG
from ci.cli.output import UNPRINTED
from tests.unit.catalog.folder import StackFolder
from tests.unit.cli.forked import Ended, Kind, run_forked

REASONS: dict[Kind, str] = {
    "closed": "it is closed",
    "full": "No space left on device",
    "no reader": "its reader closed it",
}
ANSWERS = (
    ("--help",),
    ("--version",),
    ("plan",),
    ("plan", "--json"),
    ("graph",),
    ("graph", "--mermaid"),
    ("matrix",),
    ("explain", "base:cpu"),
    *(("completion", shell) for shell in ("bash", "zsh", "fish")),
    *(("schema", document) for document in ("image", "stack", "bases", "report", "events")),
)
"""Commands whose answer is what they print."""
MISTAKES = (("nosuch",), ("plan", "nosuch"), ("plan", "--nosuch"), ("gc", "--older-than", "x"), ())


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """A small stack, and no program in reach."""
    (tmp_path / "home").mkdir()
    return {
        "PATH": str(tmp_path / "no-programs"),
        "HOME": str(tmp_path / "home"),
        "DOCKWRIGHT_STACK": str(StackFolder(tmp_path).path),
        "DOCKWRIGHT_ROOT": str(tmp_path / "root"),
        "DOCKWRIGHT_BASE": "bootstrap",
    }


def is_no_bug(ended: Ended) -> bool:
    return ended.code not in (BUG, 99) and "Traceback" not in ended.err


@pytest.mark.parametrize("argv", ANSWERS, ids=" ".join)
def test_an_answer_that_cannot_be_printed_is_a_sentence_and_an_exit_code(
    argv: tuple[str, ...], tmp_path: Path, environ: dict[str, str]
) -> None:
    printed = run_forked(argv, tmp_path, environ=environ)
    assert printed.code == 0, printed.err
    assert printed.out
    for kind, reason in REASONS.items():
        ended = run_forked(argv, tmp_path, stdout=kind, environ=environ)
        said = f"dockwright: not all was printed: standard output: {reason}"
        assert (ended.code, ended.err.splitlines()[-1]) == (UNPRINTED, said)
        assert is_no_bug(ended)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_on_a_full_disk_is_no_bug(command: str, tmp_path: Path, environ: dict[str, str]) -> None:
    ended = run_forked((command, "--help"), tmp_path, stdout="full", environ=environ)
    assert ended.code == UNPRINTED
    assert is_no_bug(ended)


@pytest.mark.parametrize("stderr", list(REASONS))
def test_a_lost_standard_error_changes_neither_answer_nor_exit_code(
    stderr: Kind, tmp_path: Path, environ: dict[str, str]
) -> None:
    for argv in (("plan",), ("matrix",), ("plan", "nosuch")):
        printed = run_forked(argv, tmp_path, environ=environ)
        ended = run_forked(argv, tmp_path, stderr=stderr, environ=environ)
        assert (ended.code, ended.out) == (printed.code, printed.out)


@pytest.mark.parametrize("argv", MISTAKES, ids=" ".join)
@pytest.mark.parametrize("stdout", list(REASONS))
def test_an_error_is_told_whatever_standard_output_is(
    argv: tuple[str, ...], stdout: Kind, tmp_path: Path, environ: dict[str, str]
) -> None:
    ended = run_forked(argv, tmp_path, stdout=stdout, environ=environ)
    assert ended.code == 2
    assert is_no_bug(ended)
    assert "not all was printed" not in ended.err


def test_with_no_stream_at_all_the_exit_code_still_tells(tmp_path: Path, environ: dict[str, str]) -> None:
    for argv, code in ((("plan",), UNPRINTED), (("plan", "nosuch"), 2)):
        assert run_forked(argv, tmp_path, stdout="closed", stderr="closed", environ=environ).code == code
