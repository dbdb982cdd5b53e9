from __future__ import annotations

import base64
import json
import subprocess
from pathlib import Path
from typing import Any, NoReturn

import pytest

from ci.registry.credentials import Credentials, Found, find_credentials, write_authfile

HOST = "registry.example.org"
CANARY = "canary-in-a-mine"


def auth(user: str = "ci", secret: str = CANARY) -> dict[str, str]:
    return {"auth": base64.b64encode(f"{user}:{secret}".encode()).decode()}


def write(path: Path, value: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(value if isinstance(value, str) else json.dumps(value))
    return path


def test_nothing_is_known_where_there_is_nothing(tmp_path: Path) -> None:
    found = find_credentials(HOST, {}, tmp_path)
    assert (found.credentials, found.errors) == (None, ())


def test_the_environment_comes_first(tmp_path: Path) -> None:
    write(tmp_path / ".docker/config.json", {"auths": {HOST: auth()}})
    environ = {"DOCKWRIGHT_REGISTRY_USER": "me", "DOCKWRIGHT_REGISTRY_PASSWORD": "other"}
    assert find_credentials(HOST, environ, tmp_path, "REGISTRY").credentials == Credentials("me", "other")


@pytest.mark.parametrize(
    ("path", "environ"),
    [
        (".docker/config.json", {}),
        (".config/containers/auth.json", {}),
        ("named.json", {"REGISTRY_AUTH_FILE": "{}/named.json"}),
        ("run/containers/auth.json", {"XDG_RUNTIME_DIR": "{}/run"}),
        ("elsewhere/config.json", {"DOCKER_CONFIG": "{}/elsewhere"}),
    ],
)
def test_each_usual_file_is_looked_into(tmp_path: Path, path: str, environ: dict[str, str]) -> None:
    write(tmp_path / path, {"auths": {HOST: auth()}})
    environ = {name: value.format(tmp_path) for name, value in environ.items()}
    found = find_credentials(HOST, environ, tmp_path)
    assert found.credentials == Credentials("ci", CANARY)
    assert found.credentials.source == str(tmp_path / path)


def test_the_environment_is_for_its_purpose_alone(tmp_path: Path) -> None:
    write(tmp_path / ".docker/config.json", {"auths": {HOST: auth()}})
    environ = {"DOCKWRIGHT_REGISTRY_USER": "me", "DOCKWRIGHT_REGISTRY_PASSWORD": "other"}
    assert find_credentials(HOST, environ, tmp_path, "RELEASE").credentials == Credentials("ci", CANARY)
    both = find_credentials(HOST, environ, tmp_path, "RELEASE", "REGISTRY")
    assert both.credentials == Credentials("me", "other")


@pytest.mark.parametrize("answer", ["{}", "[]", "not valid JSON", '{"Username": "ci"}'])
def test_a_helper_that_answers_nothing_of_use_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    done = subprocess.CompletedProcess((), 0, answer, "")
    monkeypatch.setattr(subprocess, "run", lambda *words, **more: done)
    write(tmp_path / ".docker/config.json", {"credHelpers": {HOST: "ours"}})
    found = find_credentials(HOST, {}, tmp_path)
    assert (found.credentials, len(found.errors)) == (None, 1)


def test_a_helper_that_is_not_installed_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(argv: tuple[str, ...], **more: Any) -> NoReturn:
        raise FileNotFoundError(2, "No such file or directory", argv[0])

    monkeypatch.setattr(subprocess, "run", missing)
    write(tmp_path / ".docker/config.json", {"credHelpers": {HOST: "ours"}})
    (problem,) = find_credentials(HOST, {}, tmp_path).errors
    assert problem.endswith("docker-credential-ours is not on the PATH")


def test_a_secret_with_colons_is_whole(tmp_path: Path) -> None:
    write(tmp_path / ".docker/config.json", {"auths": {HOST: auth(secret="a:b:c")}})
    found = find_credentials(HOST, {}, tmp_path).credentials
    assert found is not None
    assert found.secret == "a:b:c"


def test_another_registrys_entry_is_not_ours(tmp_path: Path) -> None:
    write(tmp_path / ".docker/config.json", {"auths": {"other.example.org": auth()}})
    assert find_credentials(HOST, {}, tmp_path).credentials is None


@pytest.mark.parametrize(
    "value",
    [
        {"credHelpers": {HOST: "ours"}},
        {"credsStore": "ours", "auths": {HOST: {}}},
    ],
)
def test_a_helper_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: Any) -> None:
    asked = []

    def answer(argv: tuple[str, ...], **more: Any) -> subprocess.CompletedProcess[str]:
        asked.append((*argv, more["input"]))
        return subprocess.CompletedProcess(argv, 0, json.dumps({"Username": "ci", "Secret": CANARY}), "")

    monkeypatch.setattr(subprocess, "run", answer)
    write(tmp_path / ".docker/config.json", value)
    assert find_credentials(HOST, {}, tmp_path).credentials == Credentials("ci", CANARY)
    assert asked == [("docker-credential-ours", "get", HOST)]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (f'{{"auths": {CANARY}', "not valid JSON"),
        (json.dumps({"auths": {HOST: {"auth": CANARY + "%"}}}), "not the base64"),
        (json.dumps([CANARY]), "not a file of credentials"),
        (json.dumps({"auths": CANARY}), "not a file of credentials"),
    ],
)
def test_a_broken_file_is_told_without_what_is_in_it(tmp_path: Path, text: str, problem: str) -> None:
    path = write(tmp_path / ".docker/config.json", text)
    found = find_credentials(HOST, {}, tmp_path)
    assert found.credentials is None
    (told,) = found.errors
    assert told.startswith(f"{path}: ")
    assert problem in told
    assert CANARY not in told


def test_a_secret_is_in_no_text_of_credentials() -> None:
    assert CANARY not in repr(Credentials("ci", CANARY, "a file"))
    assert CANARY not in str(find_credentials("x", {}, Path("/nowhere")))


def test_a_file_for_another_program_is_ours_alone(tmp_path: Path) -> None:
    path = tmp_path / "auth.json"
    assert write_authfile(path, HOST, Credentials("ci", CANARY)) == str(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert json.loads(path.read_text()) == {"auths": {HOST: auth()}}
    assert write_authfile(tmp_path / "none", HOST, None) == ""
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        (("registry.example.org", "registry.example.org/team"), "registry.example.org/team"),
        (("registry.example.org/team/deep", "registry.example.org/team"), "registry.example.org/team/deep"),
        (("registry.example.org/te", "registry.example.org"), "registry.example.org"),
        (("registry.example.org/other",), None),
        (("https://registry.example.org/v1/",), "https://registry.example.org/v1/"),
        (("https://registry.example.org/v2/",), "https://registry.example.org/v2/"),
        (("http://registry.example.org",), "http://registry.example.org"),
        (("registry.example.org/",), "registry.example.org/"),
        (("https://registry.example.org", "registry.example.org"), "registry.example.org"),
        (("registry.example.org.evil.example",), None),
        (("evil.example/registry.example.org",), None),
    ],
)
def test_the_entry_that_names_most_of_a_namespace_counts(
    tmp_path: Path, keys: tuple[str, ...], expected: str | None
) -> None:
    write(tmp_path / ".docker/config.json", {"auths": {key: auth(user=key.replace(":", "")) for key in keys}})
    found = find_credentials(f"{HOST}/team/deep", {}, tmp_path).credentials
    assert (found.user if found else None) == (expected.replace(":", "") if expected else None)


@pytest.mark.parametrize(
    "key", ["docker.io", "https://index.docker.io/v1/", "index.docker.io", "docker.io/team"]
)
def test_docker_hub_has_several_names(tmp_path: Path, key: str) -> None:
    write(tmp_path / ".docker/config.json", {"auths": {key: auth()}})
    assert find_credentials("docker.io/team", {}, tmp_path).credentials == Credentials("ci", CANARY)


def test_a_damaged_entry_of_another_host_is_not_read(tmp_path: Path) -> None:
    write(tmp_path / ".docker/config.json", {"auths": {"other.example.org": 1, HOST: auth()}})
    assert find_credentials(HOST, {}, tmp_path) == Found(Credentials("ci", CANARY))


@pytest.mark.parametrize("value", [{"auth": 1}, {"auth": []}, [], 1, "x", {"auth": "w6Q="}])
def test_a_damaged_entry_is_a_sentence(tmp_path: Path, value: Any) -> None:
    write(tmp_path / ".docker/config.json", {"auths": {HOST: value}})
    found = find_credentials(HOST, {}, tmp_path)
    assert found.credentials is None or found.credentials.secret == ""
    assert len(found.errors) == (0 if value == {"auth": "w6Q="} else 1)
