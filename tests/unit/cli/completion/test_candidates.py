"""What a shell is offered: driven by click's protocol, as the scripts of the shells drive it."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from ci.cli.main import main
from tests.unit.catalog.folder import StackFolder


class Shell:
    """A bash in a folder with a small stack: `base` (cpu, cuda) and `tool` (cpu)."""

    def __init__(self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        self._capsys, self._monkeypatch = capsys, monkeypatch
        monkeypatch.setenv("_DOCKWRIGHT_COMPLETE", "bash_complete")
        monkeypatch.setenv("COMP_BREAKS", " \t\n\"'><=;|&(:")

    def completes(self, typed: str, code: int = 0) -> list[str]:
        """Return the candidates; nothing may be written to standard error."""
        self._monkeypatch.setenv("COMP_TYPED", typed)
        assert main([]) == code
        out, err = self._capsys.readouterr()
        assert err == ""
        return [line.removeprefix("plain,") for line in out.splitlines() if line]


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StackFolder:
    monkeypatch.chdir(tmp_path)
    folder = StackFolder(tmp_path)
    monkeypatch.setenv("DOCKWRIGHT_STACK", str(folder.path))
    return folder


@pytest.fixture
def shell(stack: StackFolder, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Shell:
    return Shell(capsys, monkeypatch)


@pytest.mark.parametrize(
    ("typed", "candidates"),
    [
        ("dockwright bu", ["build-all", "build", "budget"]),
        ("./dockwright pla", ["plan"]),
        ("dockwright plan --js", ["--json"]),
        ("dockwright build ", ["base", "tool"]),
        ("dockwright build b", ["base", "base:cpu", "base:cuda"]),
        ("dockwright build base", ["base", "base:cpu", "base:cuda"]),
        ("dockwright build base tool --jobs 2 t", ["tool", "tool:cpu"]),
        ("dockwright explain base:", ["cpu", "cuda"]),
        ("dockwright shell base:cu", ["cuda"]),
        ("dockwright plan --variant ", ["cpu", "cuda"]),
        ("dockwright lock --variant=cu", ["cuda"]),
        ("dockwright build --engine d", ["docker", "dagger"]),
        ("dockwright build --engine=bu", ["buildah"]),
        ("dockwright explain base --from ", ["store", "registry", "checkout"]),
        ("dockwright completion ", ["bash", "zsh", "fish"]),
        ("dockwright schema re", ["report"]),
        ("dockwright build nothing", []),
        ("dockwright --stack nowhere build ", []),
    ],
)
def test_words_are_completed(shell: Shell, typed: str, candidates: list[str]) -> None:
    assert shell.completes(typed) == candidates


def test_a_bash_that_ends_no_word_at_a_colon_gets_the_whole_word(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COMP_BREAKS", " ")
    assert shell.completes("dockwright build base:cu") == ["base:cuda"]
    assert shell.completes("dockwright build --engine=bu") == ["--engine=buildah"]


def test_the_stack_that_is_named_is_the_one_that_completes(
    shell: Shell, stack: StackFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKWRIGHT_STACK", "nowhere")
    assert shell.completes("dockwright build ") == []
    assert shell.completes(f"dockwright --stack {stack.path} build t") == ["tool", "tool:cpu"]


def test_a_broken_stack_completes_what_can_be_read(shell: Shell, stack: StackFolder) -> None:
    stack.write("tool/image.toml", "no TOML")
    stack.write("stack.toml", b"\xff")
    stack.write("other/image.toml", 'parent = "cpu"')
    assert shell.completes("dockwright build ") == ["base", "other", "tool"]
    assert shell.completes("dockwright build tool") == ["tool"]
    assert shell.completes("dockwright plan --variant ") == []


def test_invalid_settings_print_nothing(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKWRIGHT_JOBS", "many")
    assert shell.completes("dockwright build ", code=1) == []


@pytest.mark.parametrize("instruction", ["zsh_complete", "fish_complete"])
def test_zsh_and_fish_get_whole_words(
    stack: StackFolder,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    instruction: str,
) -> None:
    monkeypatch.setenv("_DOCKWRIGHT_COMPLETE", instruction)
    number = "3" if instruction == "zsh_complete" else "base:cu"
    for words, last, candidates in (
        ("dockwright build x base:cu", number, ["base:cuda"]),
        ("dockwright build x --engine=bu", number.replace("base:cu", "--engine=bu"), ["--engine=buildah"]),
    ):
        monkeypatch.setenv("COMP_WORDS", words)
        monkeypatch.setenv("COMP_CWORD", last)
        assert main([]) == 0
        lines = capsys.readouterr().out.replace("plain,", "plain\n").splitlines()
        found = [value for kind, value in pairwise(lines) if kind == "plain"]
        assert found == candidates
