"""build-all, build and smoke, on an engine in memory: what they ask for, print and end with."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import pytest
from anyio.lowlevel import checkpoint
from click.testing import CliRunner

from ci.cli.main import main
from ci.cli.options import images_argument, run_options
from ci.engines.engine import Engine
from ci.errors import CommandError
from ci.run.build.request import Request
from ci.run.workspace.workspace import Workspace
from ci.settings import Settings, read_settings
from ci.smoke.check_options import CheckOptions
from tests.fakes.machine import CHECKOUT, Machine

Asked = tuple[Settings, Request, bool]


def asked_by(*words: str) -> Asked:
    """Return what a command with the options of a run is called with."""
    found: list[Asked] = []

    @click.command()
    @images_argument
    @run_options
    @click.option("--rebuild", is_flag=True)
    def command(settings: Settings, request: Request, dry_run: bool) -> None:
        found.append((settings, replace(request, argv=()), dry_run))

    result = CliRunner().invoke(command, words, obj=read_settings(), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return found[0]


def test_without_options_all_is_built_with_the_settings_as_they_are() -> None:
    assert asked_by() == (read_settings(), Request(), False)


def test_every_option_is_a_setting_or_a_part_of_the_request(tmp_path: Path) -> None:
    settings = ["--base", "bootstrap", "--engine", "docker", "--jobs", "3", "--progress", "plain"]
    settings += ["--registry", "registry.example/team", "--cache", "off", "--wheels", "all", "--ignore-disk"]
    request = ["--variant", "cpu", "--variant", "cuda", "--wheelhouse", str(tmp_path), "--frozen", "--gpu"]
    request += ["--require-gpu", "--no-ledger", "--fail-fast", "--rebuild"]
    assert asked_by("asr", "mux:cpu", *settings, *request, "--dry-run") == (
        read_settings(
            base="bootstrap",
            engine="docker",
            jobs=3,
            progress="plain",
            registry="registry.example/team",
            cache="off",
            wheels="all",
            ignore_disk=True,
        ),
        Request(
            names=("asr", "mux:cpu"),
            variants=("cpu", "cuda"),
            bundle=tmp_path,
            rebuild=True,
            frozen=True,
            fail_fast=True,
            checks=CheckOptions(gpu=True, require_gpu=True, ledger=False),
        ),
        True,
    )


def test_a_folder_is_named_by_its_absolute_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "bundle").mkdir()
    monkeypatch.chdir(tmp_path)
    assert asked_by("--wheelhouse", "bundle")[1].bundle == tmp_path / "bundle"


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """What the commands build on, in place of this machine."""
    machine = Machine(folder=tmp_path)

    def opened(settings: Settings) -> Workspace:
        own = settings.with_(disk_floor_mb=0, progress="plain", stack=tmp_path / "docker")
        return replace(machine.workspace(), settings=own)

    @asynccontextmanager
    async def open_engine(_workspace: Workspace, **_more: Any) -> AsyncIterator[Engine]:
        yield machine.engine

    monkeypatch.setenv("DOCKWRIGHT_ROOT", str(tmp_path))
    monkeypatch.setattr("ci.cli.build.open_workspace", opened)
    monkeypatch.setattr("ci.cli.terminal_run.open_engine", open_engine)
    monkeypatch.setattr("ci.run.build.execution.checkout_soon", lambda _: lambda: CHECKOUT)
    monkeypatch.setattr("ci.engines.choose.choose_engine", lambda *_, **_more: machine.engine)
    monkeypatch.setattr("ci.run.workspace.workspace.choose_engine", lambda *_, **_more: machine.engine)
    return machine


def test_build_all_prints_the_table_and_where_its_report_is(
    machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["build-all"]) == 0
    printed = capsys.readouterr()
    assert sorted(machine.engine.done("build")) == ["asr", "base", "ml", "mux", "vad"]
    *_, summary, disk, last = printed.out.splitlines()
    assert "5 built" in summary
    assert disk.startswith("disk: at most ")
    (report,) = machine.folder.glob("state/runs/*/report.json")
    assert last == f"engine: buildah; report: {report}"
    assert "mux:cpu" in printed.err


def test_the_exit_code_is_that_of_the_failure(machine: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    async def build(folder: str) -> None:
        await checkpoint()
        if folder == "mux":
            raise CommandError(("fake", "build"), 2, "E: no such package")

    machine.engine.on_build = build
    assert main(["build-all"]) == 6
    assert "E: no such package" in capsys.readouterr().out


def test_build_builds_the_named_image_and_its_parents(machine: Machine) -> None:
    assert main(["build", "vad"]) == 0
    assert sorted(machine.engine.done("build")) == ["base", "ml", "vad"]


def test_smoke_checks_what_is_built_already(machine: Machine) -> None:
    assert main(["build", "vad"]) == 0
    machine.engine.calls.clear()
    assert main(["smoke", "vad"]) == 0
    assert sorted(machine.engine.done("check")) == ["base", "ml", "vad"]
    assert machine.engine.done("build") == []
    machine.engine.failing_checks = {"ml"}
    assert main(["smoke", "vad"]) == 7


def test_a_dry_run_prints_the_plan_and_does_nothing(
    machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["build", "vad", "--dry-run"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "base: registry"
    assert [line.split()[:2] for line in lines[1:4]] == [
        ["build", "base:cpu"],
        ["build", "ml:cpu"],
        ["build", "vad:cpu"],
    ]
    assert lines[4] == "3 of 3 images would be built"
    assert machine.engine.calls == []


def test_what_does_not_fit_on_the_disk_is_refused_before_anything_is_built(
    machine: Machine, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ci.run.estimate.preview.refusal_text", lambda *_, **_more: "not enough disk")
    assert main(["build-all"]) == 8
    assert "not enough disk" in capsys.readouterr().err
    assert machine.engine.calls == []


@pytest.mark.parametrize("words", [["build", "vda"], ["build-all", "--variant", "gpu"]])
def test_an_unknown_image_or_variant_is_refused_before_an_engine_is_opened(
    machine: Machine, words: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **_more: object) -> None:
        raise AssertionError("an engine was opened")

    monkeypatch.setattr("ci.cli.terminal_run.open_engine", refuse)
    assert main(words) == 2
