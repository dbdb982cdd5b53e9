from __future__ import annotations

from typing import Any

import pytest

from ci.report.check import Check, Status
from ci.smoke.structure import structure_checks
from tests.stacks import small_stack


def config(**changes: object) -> dict[str, Any]:
    """Return the config of asr:cpu as `buildah inspect` has it, with some of it changed."""
    inner = {
        "User": "1000:1000",
        "Env": ["PATH=/opt/venv/bin:/usr/bin:/bin", "LANG=C.UTF-8", "TOKENIZERS_PARALLELISM=false"],
        "Entrypoint": ["/usr/bin/tini", "--", "python", "/opt/app/asr.py"],
        "WorkingDir": "/home/app",
        "Labels": {
            "org.dockwright.key": "0" * 64,
            "org.opencontainers.image.title": "Asr",
            "org.opencontainers.image.description": "What asr is for.",
            "org.opencontainers.image.licenses": "Apache-2.0",
        },
    }
    return {"architecture": "amd64", "os": "linux", "config": {**inner, **changes}}


def wrong(id_: str = "asr:cpu", **changes: object) -> dict[str, str]:
    stack = small_stack()
    checks = structure_checks(stack, stack.get(id_), config(**changes))
    return {check.name: check.detail for check in checks if check.status is Status.failed}


def test_a_good_config_passes_four_checks() -> None:
    stack = small_stack()
    names = ("config: user", "config: entrypoint", "config: environment", "config: labels")
    assert structure_checks(stack, stack.get("asr:cpu"), config()) == tuple(
        Check(name=name, status=Status.passed) for name in names
    )


@pytest.mark.parametrize(("user", "seen"), [("", "root"), (None, "root"), ("0:0", "0:0"), ("1000", "1000")])
def test_the_user_is_the_stacks(user: str | None, seen: str) -> None:
    assert wrong(User=user) == {"config: user": f"is {seen!r}, not '1000:1000'"}


def test_the_entrypoint_is_tini_and_the_images_own_program() -> None:
    without = wrong(Entrypoint=["python", "/opt/app/asr.py"])["config: entrypoint"]
    assert without == (
        "is ['python', '/opt/app/asr.py'], not ['/usr/bin/tini', '--', 'python', '/opt/app/asr.py']"
    )
    assert "config: entrypoint" in wrong(Entrypoint=None)
    assert "config: entrypoint" in wrong(Entrypoint=["/usr/bin/tini", "--", "python", "/opt/app/vad.py"])


def test_an_image_without_a_program_starts_python() -> None:
    found = wrong("ml:cpu", Entrypoint=["/usr/bin/tini", "--", "python"])
    assert "config: entrypoint" not in found


def test_arguments_that_a_base_left_are_told() -> None:
    assert wrong(Cmd=["python3"]) == {"config: entrypoint": "has default arguments: ['python3']"}


@pytest.mark.parametrize("path", ["/usr/bin:/opt/venv/bin", "/opt/venv/bin2:/usr/bin", ""])
def test_the_environments_programs_come_first(path: str) -> None:
    assert wrong(Env=[f"PATH={path}"]) == {
        "config: environment": "PATH does not start with /opt/venv/bin",
    }


@pytest.mark.parametrize(
    "text",
    [
        "HF_TOKEN=x",
        "TMDB_API_KEY=x",
        "AWS_SECRET_ACCESS_KEY=x",
        "db_password=x",
        "MIRROR=https://me:pass@example.org/simple",
        "NOTE=ghp_0123456789abcdefghij",
        "CERT=-----BEGIN PRIVATE KEY-----",
    ],
)
def test_a_secret_is_known_by_its_name_or_its_value_and_is_not_repeated(text: str) -> None:
    name, _, value = text.partition("=")
    found = wrong(Env=["PATH=/opt/venv/bin", text])["config: environment"]
    assert found == f"{name} looks like a secret"
    assert value == "x" or value not in found


@pytest.mark.parametrize(
    "name",
    [
        "http_proxy",
        "HTTPS_PROXY",
        "NO_PROXY",
        "SSL_CERT_FILE",
        "REQUESTS_CA_BUNDLE",
        "PIP_INDEX_URL",
        "UV_INDEX",
    ],
)
def test_what_belongs_to_one_machine_is_told(name: str) -> None:
    assert wrong(Env=["PATH=/opt/venv/bin", f"{name}=/x"]) == {
        "config: environment": f"{name} is a setting of one machine"
    }


@pytest.mark.parametrize("name", ["GPG_KEY", "PYTHON_SHA256", "MAX_TOKENS", "KEYBOARD", "PIPELINE"])
def test_other_names_are_free(name: str) -> None:
    assert wrong(Env=["PATH=/opt/venv/bin", f"{name}=A035C8C19219BA821ECEA86B64E628F8D684696D"]) == {}


def test_the_labels_are_the_images_own_and_not_its_parents() -> None:
    labels = {**config()["config"]["Labels"], "org.opencontainers.image.title": "Ml"}
    del labels["org.opencontainers.image.licenses"]
    assert wrong(Labels=labels) == {
        "config: labels": "org.opencontainers.image.title is 'Ml', not 'Asr'; "
        "org.opencontainers.image.licenses is None, not 'Apache-2.0'"
    }
    assert "config: labels" in wrong(Labels=None)


def test_an_image_without_a_config_fails_every_check() -> None:
    stack = small_stack()
    checks = structure_checks(stack, stack.get("asr:cpu"), {})
    assert [check.status for check in checks] == [Status.failed] * 4
