"""Folders of every name: a command works in them, or refuses them in one sentence before it does anything."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ci.cli.main import BUG
from tests.unit.catalog.folder import StackFolder
from tests.unit.cli.forked import Ended, run_forked

TAKEN = ("-josé+m@x.org~", "plain", "a+b", "-x", "deep/" * 8 + "down")
REFUSED = (
    *("a:b", "a,b", "a b", "a[1]", "a%20b", "a'b", 'a"b', "a$HOME", "a*", "a\\b", "a=b", "a\nb", "a\tb"),
    *("a\udcff", "n" * 250),
)
COMMANDS = (
    ("plan",),
    ("plan", "--json"),
    ("graph",),
    ("matrix",),
    ("explain", "base:cpu"),
    ("render", "--check"),
    ("summary",),
    ("build", "base:cpu", "--dry-run"),
    ("build-all",),
    ("smoke", "base:cpu"),
    ("gc",),
    ("gc", "--all", "--yes"),
    ("lock", "--check"),
    ("doctor", "--disk-gb", "0"),
    ("budget", "base:cpu"),
    ("repro", "report.json"),
    ("shell", "base:cpu"),
    ("base", "base.tar"),
)


FEW = (("plan",), ("gc",), ("build-all",))


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """A small stack in whose folder one is, and no program in reach."""
    (tmp_path / "home").mkdir()
    return {
        "PATH": str(tmp_path / "no-programs"),
        "HOME": str(tmp_path / "home"),
        "DOCKWRIGHT_STACK": str(StackFolder(tmp_path).path),
        "DOCKWRIGHT_BASE": "bootstrap",
    }


def is_a_sentence(ended: Ended) -> bool:
    """Whether it ended well, or with an exit code of the table and no traceback."""
    return ended.code not in (BUG, 99) and "Traceback" not in ended.err


def is_refused(ended: Ended) -> bool:
    message = ended.err.splitlines()
    return ended.code == 2 and len(message) == 2 and "can't be used: its name " in message[0]


@pytest.mark.parametrize("name", TAKEN)
def test_a_root_of_a_usual_name_is_taken(name: str, tmp_path: Path, environ: dict[str, str]) -> None:
    for argv in COMMANDS if name == TAKEN[0] else FEW:
        ended = run_forked(("--root", str(tmp_path / name), *argv), tmp_path, environ=environ)
        assert is_a_sentence(ended), (argv, ended.err)
        assert not is_refused(ended), (argv, ended.err)


@pytest.mark.parametrize("name", REFUSED, ids=ascii)
def test_a_root_that_some_program_cannot_use_is_refused_at_once_by_every_command(
    name: str, tmp_path: Path, environ: dict[str, str]
) -> None:
    root = tmp_path / name
    for argv in (*COMMANDS, ("doctor",)) if name == REFUSED[0] else FEW:
        ended = run_forked(("--root", str(root), *argv), tmp_path, environ=environ)
        assert is_refused(ended), (argv, ended)
    for variable in ("XDG_STATE_HOME", "TMPDIR"):
        ended = run_forked(("plan",), tmp_path, environ={**environ, variable: str(root)})
        assert is_refused(ended), (variable, ended)
    made = {path.name for path in tmp_path.iterdir()}
    assert made == {"home", Path(environ["DOCKWRIGHT_STACK"]).name, "stdout", "stderr"}


@pytest.mark.parametrize("name", [*TAKEN, *REFUSED], ids=ascii)
def test_a_stack_of_any_name_is_read_or_refused(name: str, tmp_path: Path, environ: dict[str, str]) -> None:
    stack = tmp_path / name
    try:
        stack.parent.mkdir(parents=True, exist_ok=True)
        Path(environ["DOCKWRIGHT_STACK"]).rename(stack)
    except OSError:  # no file system takes such a name
        return
    for argv in COMMANDS if name == REFUSED[0] else FEW:
        ended = run_forked(("--stack", str(stack), *argv), tmp_path, environ=environ)
        assert is_a_sentence(ended), (argv, ended.err)
    planned = run_forked(("--stack", str(stack), "plan"), tmp_path, environ=environ)
    assert planned.code == 0 or is_refused(planned)


@pytest.mark.parametrize("argv", COMMANDS, ids=" ".join)
def test_a_root_that_is_a_file_or_below_one_is_a_sentence(
    argv: tuple[str, ...], tmp_path: Path, environ: dict[str, str]
) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    for root in ("file", "file/below", "loop"):
        ended = run_forked(("--root", str(tmp_path / root), *argv), tmp_path, environ=environ)
        assert is_a_sentence(ended), (root, ended.err)


@pytest.mark.parametrize("argv", [("plan",), ("gc",), ("summary",), ("doctor",)], ids=" ".join)
def test_a_current_folder_that_was_removed_is_a_sentence(
    argv: tuple[str, ...], tmp_path: Path, environ: dict[str, str]
) -> None:
    def leave() -> None:
        gone = tmp_path / "gone"
        gone.mkdir()
        os.chdir(gone)
        gone.rmdir()

    ended = run_forked(argv, tmp_path, environ=environ, before=leave)
    assert ended.code == 2
    assert ended.err.startswith("dockwright: the current folder does not exist any more\nhint: ")


def test_an_exported_folder_that_some_program_cannot_use_is_refused(
    tmp_path: Path, environ: dict[str, str]
) -> None:
    bundle = tmp_path / "a:b"
    bundle.mkdir()
    argv = ("--root", str(tmp_path / "root"), "build-all", "--wheelhouse", str(bundle))
    ended = run_forked(argv, tmp_path, environ=environ)
    assert is_refused(ended), ended
    assert not (tmp_path / "root").exists()


def test_an_empty_root_is_none(tmp_path: Path, environ: dict[str, str]) -> None:
    ended = run_forked(("summary",), tmp_path, environ={**environ, "DOCKWRIGHT_ROOT": ""})
    assert str(tmp_path / "home/.local/state/dockwright") in ended.err


def test_a_linked_root_is_the_folder_that_it_names(tmp_path: Path, environ: dict[str, str]) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "link").symlink_to("disk")
    ended = run_forked(("--root", str(tmp_path / "link"), "summary"), tmp_path, environ=environ)
    assert ended.err.startswith(f"dockwright: {tmp_path}/disk/state: ")
