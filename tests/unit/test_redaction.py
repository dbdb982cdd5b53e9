"""What nobody may read of a text."""

from __future__ import annotations

import json
from urllib.parse import quote, urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ci.errors import CommandError, UsageError
from ci.redaction import (
    forget_secrets,
    keep_environment_secret,
    keep_login_secret,
    keep_secret,
    keep_url_secrets,
    redacted,
)
from ci.wheelhouse.program.address import shown

SECRET = "hunter2TAIL"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"http://ci:pa@{SECRET}@host/x", "http://host/x"),
        (f"http://ci:pa/{SECRET}@host/x", "http://host/x"),
        (f"http://ci:12/{SECRET}@host/x", "http://host/x"),
        (f"http://ci:p?{SECRET}#@host/x", "http://host/x"),
        (f"http://ci:pa'{SECRET}\"@host/x", "http://host/x"),
        (f"https://{SECRET}@host/a@b", "https://host/a@b"),
        (f"http://ci:{SECRET[:6]}", "http://***"),
        (f"--registry=ci:{SECRET}@reg.example/team", "--registry=ci:***@reg.example/team"),
        (f"ci:a@{SECRET}@reg.example/team", "ci:***@reg.example/team"),
        (f"at https://h/x?token={SECRET}&n=1", "at https://h/x?token=***&n=1"),
        (f"https://h/x?X-Amz-Signature={SECRET}", "https://h/x?X-Amz-Signature=***"),
        (f"https://h/?u=http%3A%2F%2Fci%3A{SECRET}%40host%2Fx", "https://h/?u=http%3A%2F%2F***%40host%2Fx"),
        (f"Authorization: Bearer {SECRET}", "Authorization: Bearer ***"),
        (f'{{"authorization": "Basic {SECRET}"}}', '{"authorization": "Basic ***"}'),
    ],
)
def test_a_secret_is_known_by_its_form(text: str, expected: str) -> None:
    assert redacted(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "docker://localhost:5000/team/asr@sha256:00ff",
        "python:3.11-slim@sha256:00ff",
        "git@example.org:team/stack.git",
        "https://[::1]:5000/v2/",
        "https://example.org:443/@scope/package",
        "12:30 mail from me@example.org",
        "https://h/x?n=1&last=a",
        "asr:cpu",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert redacted(text) == text


def test_a_known_secret_is_hidden_in_every_form() -> None:
    keep_login_secret("ci", "p\\a's/ö @s")
    for form in (
        "p\\a's/ö @s",
        repr("p\\a's/ö @s"),
        json.dumps("p\\a's/ö @s"),
        quote("p\\a's/ö @s", safe=""),
    ):
        assert "***" in redacted(f"tried {form} there")
        assert "s/" not in redacted(f"tried {form} there")
    assert redacted("Basic Y2k6cFxhJ3Mvw7YgQHM=") == "Basic ***"


def test_short_and_common_words_are_not_hidden() -> None:
    keep_secret("abc", "true", "")
    assert redacted("abc true") == "abc true"


def test_secrets_of_an_environment_are_known_by_the_names_and_the_urls() -> None:
    keep_environment_secret(
        {
            "DOCKWRIGHT_REGISTRY_USER": "ci",
            "DOCKWRIGHT_REGISTRY_PASSWORD": "first-one",
            "GITHUB_TOKEN": "second-one",
            "UV_INDEX_URL": "https://me:third%2Fone@index.example/simple",
            "http_proxy": "me:fourth-one@proxy:3128",
            "AWS_SECRET_ACCESS_KEY": "fifth-one",
            "REGISTRY_AUTH_FILE": "/etc/auth.json",
            "SSH_AUTH_SOCK": "/tmp/agent",
            "PS1": "\\u@\\h:\\w",
        },
        ["build", "--registry=me:sixth-one@reg/x", "asr:cpu"],
    )
    text = "first-one second-one third/one third%2Fone fourth-one fifth-one sixth-one"
    assert redacted(text) == " ".join(["***"] * 7)
    plain = "/etc/auth.json /tmp/agent asr:cpu \\u@\\h:\\w"
    assert redacted(plain) == plain


def test_an_error_shows_no_secret_of_its_argv_also_where_it_is_cut() -> None:
    argv = ("buildah", "x" * 265, f"http://ci:{SECRET}@index.example/simple")
    error = CommandError(argv, 1, f"could not reach http://ci:pa@{SECRET}@host/")
    assert "hunter" not in str(error) + error.tail
    assert error.argv == argv
    assert SECRET not in str(UsageError("x", hint=f"http://ci:{SECRET}@host/"))


PASSWORDS = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zs", "Zl", "Zp"]), min_size=8, max_size=40
).map(lambda text: f"q7{text}Zz")


@given(PASSWORDS, st.sampled_from(["http", "https", "socks5", "tcp"]))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_password_of_a_url_is_never_seen_in_a_text(password: str, scheme: str) -> None:
    forget_secrets()
    url = f"{scheme}://ci:{quote(password, safe='')}@host/x"
    assert redacted(f"failed: {url}: no answer") == f"failed: {scheme}://host/x: no answer"
    keep_url_secrets(url)
    for text in (
        password,
        repr(password),
        json.dumps(password),
        quote(password),
        str([url]),
        f"ci:{password}@x",
    ):
        assert password not in redacted(text)


@given(st.text(max_size=200))
def test_any_text_is_redacted_once(text: str) -> None:
    assert redacted(redacted(text)) == redacted(text)


@given(PASSWORDS)
def test_a_container_shows_a_url_as_this_machine_does(password: str) -> None:
    url = f"https://ci:{quote(password, safe='@')}@host:8080/simple/x?y=1"
    assert shown(url) == redacted(url)
    assert urlsplit(shown(url)).username is None
