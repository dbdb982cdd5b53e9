"""verify-engines: what is compared, and how it ends."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ci.cli import verify_engines
from ci.cli.main import main
from ci.run.build.request import Request
from ci.run.verify.engine_tree import EXCEPTIONS, FIELDS, ImageTree
from ci.run.workspace.workspace import Workspace

WORDS = ["verify-engines", "tmdb:cpu", "--base", "bootstrap"]
TWO = ["--engine", "buildah", "--engine", "docker"]
FILE = ["f", "0644", 0, 0, "aa"]


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, dict[str, list[Any]]]:
    """The files of the one image by engine, in place of a build."""
    files: dict[str, dict[str, list[Any]]] = {"buildah": {"/a": FILE}, "docker": {"/a": FILE}}

    async def trees_of(workspace: Workspace, request: Request, **_more: Any) -> dict[str, ImageTree]:
        assert request.names == ("tmdb:cpu",)
        config = dict.fromkeys(FIELDS)
        return {"tmdb:cpu": ImageTree(files=files[workspace.settings.engine], config=config)}

    monkeypatch.setattr(verify_engines, "trees_of", trees_of)
    monkeypatch.setenv("DOCKWRIGHT_ROOT", str(tmp_path))
    return files


def test_equal_images_end_well_and_the_exceptions_are_said(
    built: dict[str, dict[str, list[Any]]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*WORDS, *TWO]) == 0
    said = capsys.readouterr()
    assert said.out.splitlines() == [
        f"equal    {'tmdb:cpu':<30} buildah and docker: 1 paths",
        "1 of 1 are equal",
    ]
    assert said.err.splitlines() == [f"not compared: {one.path}: {one.reason}" for one in EXCEPTIONS]


def test_a_difference_ends_with_1_and_is_shown_and_what_is_more_is_counted(
    built: dict[str, dict[str, list[Any]]], capsys: pytest.CaptureFixture[str]
) -> None:
    built["docker"] |= {f"/b{number:02}": FILE for number in range(22)}
    assert main([*WORDS, *TWO]) == 1
    assert capsys.readouterr().out.splitlines() == [
        f"differs  {'tmdb:cpu':<30} 22 differences",
        *(f"         /b{number:02}: only by docker" for number in range(20)),
        "         and 2 more",
        "0 of 1 are equal",
    ]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ([*WORDS, "--engine", "docker"], 2, "two engines are needed, and docker is only one"),
        (
            [*WORDS, "--engine", "docker", "--engine", "docker"],
            2,
            "docker is only one\nhint: give --engine a second time",
        ),
        (["verify-engines", "tmbd", *TWO], 2, "no image 'tmbd'\nhint: did you mean 'tmdb'?"),
        (["verify-engines", "--variant", "gpu", *TWO], 2, "no variant 'gpu'"),
    ],
)
def test_too_little_to_compare_is_a_sentence(
    built: dict[str, dict[str, list[Any]]],
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    code: int,
    said: str,
) -> None:
    assert main(words) == code
    assert said in capsys.readouterr().err


def test_without_a_dagger_engine_the_default_says_why(
    built: dict[str, dict[str, list[Any]]],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("_EXPERIMENTAL_DAGGER_RUNNER_HOST", "tcp://10.0.0.7")
    assert main(WORDS) == 5
    assert (
        "two engines are needed, and Dagger can't be used: the engine at tcp://10.0.0.7"
        in capsys.readouterr().err
    )
