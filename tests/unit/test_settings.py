"""Where settings come from, and what a file that came with a repository can't do."""

from __future__ import annotations

import os
from pathlib import Path

import httpx
import pytest

from ci.cli.main import main
from ci.errors import ParseError, UsageError
from ci.registry.retry import RetryPolicy
from ci.run.verify.child_run import _environment
from ci.run.workspace.workspace import registry_namespace
from ci.settings import BY_A_FOLDER, FILE, Settings, read_settings, user_file
from tests.fakes.registry import FakeRegistry
from tests.unit.catalog.folder import StackFolder

SECRET = "Y2k6aHVudGVyMnRhaWw="
"""`ci:hunter2tail` as HTTP has it."""
VALUES = {
    "stack": "docker",
    "base": "bootstrap",
    "jobs": "3",
    "progress": "plain",
    "fetch_timeout_s": "3",
    "step_timeout_s": "3",
    "registry": "registry.example/team",
    "cache": "read",
    "wheels": "all",
    "root": "/somewhere",
    "engine": "docker",
    "isolation": "chroot",
    "debian_mirror": "http://mirror.example/debian",
    "security_mirror": "http://mirror.example/debian",
    "disk_floor_mb": "0",
    "ignore_disk": "true",
    "registry_address": "10.0.0.1:443",
}
Captured = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in [*os.environ]:
        if name.upper().startswith("DOCKWRIGHT_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "here"


def test_every_setting_has_a_value_here() -> None:
    assert VALUES.keys() == Settings.model_fields.keys()


@pytest.mark.parametrize("name", VALUES)
def test_each_setting_has_the_origin_that_it_was_read_from(
    name: str, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = f"DOCKWRIGHT_{name.upper()}={VALUES[name]}\n"
    assert read_settings().origin(name) == "default"
    own = here.parent / "own.env"
    own.write_text(line)
    assert read_settings((own,)).origin(name) == "own file"
    (here / FILE).write_text(line)
    if name in BY_A_FOLDER:
        assert read_settings((own,)).origin(name) == "folder"
    else:
        with pytest.raises(UsageError, match=f"DOCKWRIGHT_{name.upper()} can't be set to .* by a file"):
            read_settings((own,))
    monkeypatch.setenv(f"dockwright_{name}", VALUES[name])  # names of variables have no case here
    settings = read_settings((own,))
    assert settings.origin(name) == "environment"
    assert settings.with_(**{name: VALUES[name]}).origin(name) == "option"
    assert settings.with_(**{name: None}).origin(name) == "environment"
    assert read_settings((own,), **{name: VALUES[name]}).origin(name) == "option"


def test_a_file_in_the_current_folder_does_not_push(here: Path) -> None:
    (here / FILE).write_text("DOCKWRIGHT_CACHE=read-write\n")
    with pytest.raises(UsageError, match="CACHE can't be set to 'read-write'"):
        read_settings()


def test_the_file_next_to_dockwright_is_the_users_also_when_it_is_here(here: Path) -> None:
    (here / FILE).write_text("DOCKWRIGHT_ROOT=/somewhere\n")
    assert read_settings((here / FILE,)).root == Path("/somewhere")
    with pytest.raises(UsageError):
        read_settings()


def test_a_file_of_the_user_can_set_everything(here: Path) -> None:
    path = user_file(os.environ)
    path.parent.mkdir(parents=True)
    path.write_text("".join(f"DOCKWRIGHT_{name.upper()}={value}\n" for name, value in VALUES.items()))
    assert read_settings((path,)).root == Path("/somewhere")
    assert here.is_dir()


def test_a_file_can_not_read_the_environment(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", "hunter2tail")
    (here / FILE).write_text("DOCKWRIGHT_REGISTRY=evil.example/${GITHUB_TOKEN}\n")
    assert read_settings().registry == "evil.example/${GITHUB_TOKEN}"


@pytest.mark.parametrize("content", [b"\xff\xfe", b"x" * (2 << 20)])
def test_a_file_that_is_none_is_a_sentence(content: bytes, here: Path) -> None:
    (here / FILE).write_bytes(content)
    with pytest.raises(UsageError, match="the settings can't be read"):
        read_settings()
    (here / FILE).unlink()
    os.mkfifo(here / FILE)
    with pytest.raises(UsageError, match="the settings can't be read"):
        read_settings()


def test_other_variables_of_a_file_are_not_read(here: Path) -> None:
    (here / FILE).write_text("DOCKER_HOST=tcp://evil.example\nPIP_INDEX_URL=http://evil.example\nPATH=.\n")
    before = dict(os.environ)
    assert read_settings() == read_settings()
    assert dict(os.environ) == before


@pytest.mark.parametrize(
    "address", ["evil.example:99999", "ci:pw@evil.example", "http://evil.example", "a b"]
)
def test_an_address_is_a_host_and_a_port(address: str) -> None:
    with pytest.raises(ParseError):
        registry_namespace(read_settings(registry="registry.example/team", registry_address=address))


def asked(monkeypatch: pytest.MonkeyPatch, *words: str) -> list[str]:
    """Run a command and return the header Authorization of each request that a registry got."""
    headers: list[str] = []
    registry = FakeRegistry(host="registry.example")

    def answer(request: httpx.Request) -> httpx.Response | None:
        headers.append(request.headers.get("authorization", ""))
        if headers[-1]:
            return None
        return httpx.Response(401, headers={"WWW-Authenticate": 'Basic realm="all"'})

    registry.answer = answer
    registry.install(monkeypatch)
    monkeypatch.setenv("DOCKWRIGHT_REGISTRY_USER", "ci")
    monkeypatch.setenv("DOCKWRIGHT_REGISTRY_PASSWORD", "hunter2tail")
    monkeypatch.setenv("DOCKWRIGHT_RELEASE_USER", "ci")
    monkeypatch.setenv("DOCKWRIGHT_RELEASE_PASSWORD", "hunter2tail")
    monkeypatch.setattr("ci.run.reuse.remote_cache.RetryPolicy", lambda: RetryPolicy(tries=1))
    main(list(words))
    assert headers
    return headers


COMMANDS = (
    ("build-all", "--dry-run"),
    ("verify",),
    ("rollback", "1"),
    ("publish", "--version", "1", "--dry-run", "--bootstrap-base"),
    ("plan",),
    ("explain", "base", "--from", "registry", "--to", "checkout"),
    ("matrix",),
)


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_the_credentials_of_the_environment_go_to_no_registry_that_a_file_names(
    words: tuple[str, ...], here: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    monkeypatch.setenv("DOCKWRIGHT_STACK", str(StackFolder(here.parent).path))
    (here / FILE).write_text("DOCKWRIGHT_REGISTRY=registry.example/team\n")
    assert not any(SECRET in header for header in asked(monkeypatch, *words))
    assert (
        "the credentials of the environment are not sent to registry.example/team" in capsys.readouterr().err
    )


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_they_go_to_the_one_that_the_environment_names(
    words: tuple[str, ...], here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKWRIGHT_STACK", str(StackFolder(here.parent).path))
    monkeypatch.setenv("DOCKWRIGHT_REGISTRY", "registry.example/team")
    (here / FILE).write_text("DOCKWRIGHT_REGISTRY=evil.example/team\n")
    assert f"Basic {SECRET}" in asked(monkeypatch, *words)


def test_they_go_to_the_one_that_the_command_line_names(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (here / FILE).write_text("DOCKWRIGHT_REGISTRY=evil.example/team\n")
    assert f"Basic {SECRET}" in asked(monkeypatch, "verify", "--registry", "registry.example/team")


def test_a_child_gets_no_registry_of_a_file_as_its_environment(here: Path) -> None:
    (here / FILE).write_text("DOCKWRIGHT_REGISTRY=evil.example/team\nDOCKWRIGHT_JOBS=3\n")
    env = _environment(read_settings(), here)
    assert "DOCKWRIGHT_REGISTRY" not in env
    assert env["DOCKWRIGHT_JOBS"] == "3"
