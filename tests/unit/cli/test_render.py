from __future__ import annotations

from pathlib import Path

import pytest

from ci.cli.main import main
from tests.unit.catalog.folder import StackFolder

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StackFolder:
    monkeypatch.delenv("DOCKWRIGHT_ROOT", raising=False)
    folder = StackFolder(tmp_path)
    monkeypatch.setenv("DOCKWRIGHT_STACK", str(folder.path))
    return folder


@pytest.fixture
def fresh(stack: StackFolder, capsys: Captured) -> StackFolder:
    assert main(["render"]) == 0
    capsys.readouterr()
    return stack


def test_what_is_absent_is_written_and_then_fresh(stack: StackFolder, capsys: Captured) -> None:
    assert main(["render", "--check"]) == 1
    assert not (stack.path / "tool/Dockerfile.cpu").exists()
    assert main(["render"]) == 0
    assert {path.relative_to(stack.path).as_posix() for path in stack.path.glob("*/Dockerfile.*")} == {
        "base/Dockerfile.cpu",
        "base/Dockerfile.cuda",
        "tool/Dockerfile.cpu",
    }
    capsys.readouterr()
    assert main(["render", "--check"]) == 0
    assert capsys.readouterr().out == "all 3 rendered files are up to date\n"


def test_an_edited_file_is_named_and_written_again(fresh: StackFolder, capsys: Captured) -> None:
    path = fresh.path / "tool/Dockerfile.cpu"
    text = path.read_text()
    path.write_text(text + "USER root\n")
    assert main(["render", "--check"]) == 1
    assert capsys.readouterr().out == f"{path}: differs from its image.toml and locks\n"
    assert main(["render"]) == 0
    assert path.read_text() == text


def test_a_missing_file_is_named(fresh: StackFolder, capsys: Captured) -> None:
    path = fresh.path / "tool/Dockerfile.cpu"
    path.unlink()
    assert main(["render", "--check"]) == 1
    assert capsys.readouterr().out == f"{path}: missing\n"


def test_a_changed_image_makes_its_file_stale(fresh: StackFolder, capsys: Captured) -> None:
    fresh.edit("tool/image.toml", 'title = "Tool"', 'title = "Another"')
    assert main(["render", "--check"]) == 1
    assert capsys.readouterr().out.splitlines() == [
        f"{fresh.path}/tool/Dockerfile.cpu: differs from its image.toml and locks"
    ]


def test_line_ends_of_another_system_are_stale(fresh: StackFolder) -> None:
    path = fresh.path / "tool/Dockerfile.cpu"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert main(["render", "--check"]) == 1


def test_what_is_left_over_is_removed_but_never_what_a_person_wrote(
    fresh: StackFolder, capsys: Captured
) -> None:
    old, own = fresh.path / "tool/Dockerfile.cuda", fresh.path / "tool/Dockerfile.mine"
    old.write_text((fresh.path / "tool/Dockerfile.cpu").read_text())
    own.write_text("FROM scratch\n")
    assert main(["render", "--check"]) == 1
    assert capsys.readouterr().out == f"{old}: rendered for an image or variant that no longer exists\n"
    assert main(["render"]) == 0
    assert (old.exists(), own.exists()) == (False, True)


def test_a_bake_file_is_written_on_request_and_kept_fresh_from_then_on(
    fresh: StackFolder, capsys: Captured
) -> None:
    path = fresh.path / "docker-bake.json"
    assert not path.exists()
    assert main(["render", "--bake"]) == 0
    text = path.read_text()
    path.write_text("{}")
    capsys.readouterr()
    assert main(["render", "--check"]) == 1
    assert str(path) in capsys.readouterr().out
    assert main(["render"]) == 0
    assert path.read_text() == text
