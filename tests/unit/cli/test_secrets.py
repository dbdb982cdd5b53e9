"""No command prints a secret that a setting, a variable or an option has, whatever becomes of the command."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from urllib.request import Request

import click
import pytest
from click.testing import CliRunner

from ci.cli.commands import COMMANDS
from ci.cli.main import cli, main
from ci.registry.retry import RetryPolicy
from ci.settings import Settings
from tests.unit.catalog.folder import StackFolder

SECRET = "hunter2TAIL"
LOGIN = f"ci:pa@{SECRET}"
URL = f"http://{LOGIN}@host.invalid/x"
ARGUMENTS = {
    "build": ["base"],
    "smoke": ["base"],
    "base": ["base.tar"],
    "completion": ["bash"],
    "explain": ["base"],
    "promote": [f"{LOGIN}@from.invalid/a", f"{LOGIN}@to.invalid/a"],
    "repro": ["report.json"],
    "rollback": ["1"],
    "schema": ["report"],
    "shell": ["base"],
    "summary": ["report.json"],
    "test": ["-k", "nothing"],
}
VARIABLES = (
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "UV_INDEX_URL",
    "UV_DEFAULT_INDEX",
    "PIP_INDEX_URL",
    "PIP_EXTRA_INDEX_URL",
    "DOCKER_HOST",
    "CONTAINER_HOST",
    "BUILDAH_HOST",
    "_EXPERIMENTAL_DAGGER_RUNNER_HOST",
    "DAGGER_SESSION_PORT",
    "DAGGER_SESSION_TOKEN",
    "DOCKWRIGHT_REGISTRY_USER",
    "DOCKWRIGHT_REGISTRY_PASSWORD",
    "DOCKWRIGHT_RELEASE_PASSWORD",
    "GITHUB_TOKEN",
)
SETTINGS = tuple(f"DOCKWRIGHT_{name.upper()}" for name in Settings.model_fields)
TEXTS = tuple(
    (name, option.opts[0])
    for name, entry in COMMANDS.items()
    for option in entry.load().params
    if isinstance(option, click.Option) and not option.is_flag
)

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small stack, as the current folder's own."""
    for name in (*SETTINGS, *VARIABLES):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)

    def refuse(request: Request, **_: object) -> None:
        raise OSError(f"{request.full_url}: no connection")

    def missing(_: object, argv: tuple[str, ...], *_more: object) -> None:
        raise FileNotFoundError(2, "No such file or directory", argv[0])

    monkeypatch.setattr("urllib.request.urlopen", refuse)
    monkeypatch.setattr("subprocess.Popen._execute_child", missing)
    StackFolder(tmp_path)
    monkeypatch.setenv("DOCKWRIGHT_STACK", str(tmp_path / "docker"))
    monkeypatch.setenv("DOCKWRIGHT_ROOT", str(tmp_path / "root"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def assert_hidden(here: Path, *words: str) -> None:
    """Neither the command line, nor a command that another program calls, shows or writes the secret."""
    result = CliRunner().invoke(cli, words, obj=False)
    assert SECRET not in result.output
    files = [path for path in (here / "root").rglob("*") if path.is_file() and path.stat().st_mode & 0o077]
    assert not [path for path in files if SECRET.encode() in path.read_bytes()]


@pytest.mark.parametrize("command", COMMANDS)
def test_no_command_shows_a_secret_of_the_environment(
    command: str, here: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    for name in (*VARIABLES, "DOCKWRIGHT_DEBIAN_MIRROR", "DOCKWRIGHT_SECURITY_MIRROR"):
        monkeypatch.setenv(name, URL if not name.startswith("DOCKWRIGHT_RE") else SECRET)
    monkeypatch.setenv("DOCKWRIGHT_REGISTRY", "registry.invalid/team")
    monkeypatch.setattr("ci.run.reuse.remote_cache.RetryPolicy", partial(RetryPolicy, tries=1))
    main([command, *ARGUMENTS.get(command, [])])
    out, err = capsys.readouterr()
    assert SECRET not in out + err
    assert_hidden(here, command, *ARGUMENTS.get(command, []))


@pytest.mark.parametrize("value", [URL, f"{LOGIN}@registry.invalid/team", SECRET + "@registry.invalid/team"])
@pytest.mark.parametrize("name", SETTINGS)
def test_no_setting_is_refused_with_the_secret_in_it(
    name: str, value: str, here: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    monkeypatch.setenv(name, value)
    for words in (["plan"], ["doctor", "--json"], ["verify"]):
        main(words)
    out, err = capsys.readouterr()
    assert SECRET not in out + err
    assert here.is_dir()


@pytest.mark.parametrize("name", SETTINGS)
def test_no_setting_of_a_file_is_refused_with_the_secret_in_it(
    name: str, here: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    monkeypatch.delenv(name, raising=False)
    (here / ".dockwright.env").write_text(f"{name}={URL}\n")
    main(["plan"])
    out, err = capsys.readouterr()
    assert SECRET not in out + err


@pytest.mark.parametrize("value", [URL, f"{LOGIN}@registry.invalid/team"])
@pytest.mark.parametrize(("command", "option"), TEXTS)
def test_no_option_is_refused_with_the_secret_in_it(
    command: str, option: str, value: str, here: Path, capsys: Captured
) -> None:
    for words in ([option, value], [f"{option}={value}"]):
        main([command, *words, *ARGUMENTS.get(command, [])])
    out, err = capsys.readouterr()
    assert SECRET not in out + err
    assert here.is_dir()


@pytest.mark.parametrize("words", [[URL], ["plan", URL], ["plan", f"--{URL}"], [f"--stack={URL}", "plan"]])
def test_no_word_is_refused_with_the_secret_in_it(words: list[str], here: Path, capsys: Captured) -> None:
    main(words)
    out, err = capsys.readouterr()
    assert SECRET not in out + err
    assert_hidden(here, *words)
