"""What the checks of a built image would find is an error of the catalog where it can be known before."""

from __future__ import annotations

import json

import pytest

from tests.unit.catalog.folder import StackFolder

IMAGE = "tool/image.toml"


def what(stack: StackFolder, start: str) -> str:
    (found,) = stack.errors
    assert found.startswith(f"docker/{start}"), found
    return found


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("PIP_INDEX_URL", "https://index.example/simple", "is a setting of one machine"),
        ("HTTPS_PROXY", "http://proxy.example", "is a setting of one machine"),
        ("API_TOKEN", "x", "looks like a secret"),
        ("ORIGIN", "https://me:word@host.example/", "looks like a secret"),
        ("PATH", "/usr/bin:/bin", "does not start with /opt/venv/bin"),
        ("PATH", "/opt/venv/bin:/opt/tool/bin", "lacks /usr/bin, /bin"),
        ("PATH", "/opt/venv/bin:tools:/usr/bin:/bin", "has a folder that is not absolute"),
    ],
)
@pytest.mark.parametrize("of_variant", [True, False])
def test_a_variable_that_no_image_may_have(
    stack: StackFolder, name: str, value: str, text: str, of_variant: bool
) -> None:
    table = f"env = {{ {name} = {json.dumps(value)} }}\n"
    if of_variant:
        stack.append(IMAGE, f"[variant.cpu]\n{table}")
    else:
        stack.edit(IMAGE, "entrypoint", f"{table}entrypoint")
    assert text in what(stack, f"{IMAGE}: env.{name}: ")


def test_a_path_with_more_folders_is_accepted(stack: StackFolder) -> None:
    stack.edit(IMAGE, "entrypoint", 'env = { PATH = "/opt/venv/bin:/opt/x:/usr/bin:/bin" }\nentrypoint')
    stack.load()


def test_a_root_image_needs_tini(stack: StackFolder) -> None:
    stack.edit("base/image.toml", 'apt = ["tini"]', 'apt = ["tzdata"]')
    stack.apt_lock("base/apt.lock", ["tzdata"])
    assert what(stack, "base/image.toml: apt: ").endswith('add "tini" to apt')


@pytest.mark.parametrize(
    ("argv", "key", "text"),
    [
        (["./tool.py"], "entrypoint[0]", "is relative"),
        (["bin/tool"], "entrypoint[0]", "is relative"),
        (["/srv/tool"], "entrypoint[0]", "no step of an image makes"),
        (["python", "tool.py"], "entrypoint[1]", "is relative"),
        (["python3", "-u", "tool.py"], "entrypoint[2]", "is relative"),
        (["sh", "run.sh"], "entrypoint[1]", "is relative"),
    ],
)
def test_a_program_that_can_not_be_found(stack: StackFolder, argv: list[str], key: str, text: str) -> None:
    stack.edit(IMAGE, '["python", "/opt/app/tool.py"]', json.dumps(argv))
    assert text in what(stack, f"{IMAGE}: {key}: ")


@pytest.mark.parametrize(
    "argv", [["python", "-m", "tool.py"], ["uvicorn", "tool:app"], ["/usr/bin/env", "x"]]
)
def test_a_program_that_may_be_there_is_accepted(stack: StackFolder, argv: list[str]) -> None:
    stack.edit(IMAGE, '["python", "/opt/app/tool.py"]', json.dumps(argv))
    stack.load()


def test_an_unknown_suite_has_a_suggestion(stack: StackFolder) -> None:
    stack.edit("stack.toml", 'suite = "bookworm"', 'suite = "bookwrom"')
    assert any("no suite 'bookwrom'; did you mean 'bookworm'?" in one for one in stack.errors)


def test_the_python_of_the_bootstrap_base_is_that_of_its_suite(stack: StackFolder) -> None:
    stack.edit("stack.toml", 'python = "3.11"', 'python = "3.12"')
    stack.edit("stack.toml", 'base = "auto"', 'base = "bootstrap"')
    assert any(
        "stack.toml: python: 3.12, but the bootstrap base has Python 3.11" in one for one in stack.errors
    )


@pytest.mark.parametrize("base", ["auto", "registry"])
@pytest.mark.parametrize(
    ("reference", "tag"),
    [
        ("docker.io/library/python", "3.11-slim-bookworm"),
        ("python", "3.11"),
        ("docker.io/bitnami/python", "3.11.9-debian-12-r0"),
        ("docker.io/nikolaik/python-nodejs", "python3.11-nodejs20-slim"),
        ("ghcr.io/team/base", "cuda12-py3.11"),
    ],
)
def test_the_python_of_an_external_base_is_that_of_its_tag(
    stack: StackFolder, base: str, reference: str, tag: str
) -> None:
    stack.edit("bases.lock.toml", "docker.io/library/python", reference)
    stack.edit("bases.lock.toml", 'tag = "3.11-slim"', f'tag = "{tag}"')
    stack.edit("stack.toml", 'base = "auto"', f'base = "{base}"')
    stack.load()
    stack.edit("stack.toml", 'python = "3.11"', 'python = "3.12"')
    text = f"python: 3.12, but the external base 'python' has Python 3.11: its tag is {tag}; set python ="
    assert any(one.startswith(f"docker/stack.toml: {text}") for one in stack.errors)


@pytest.mark.parametrize(
    ("reference", "tag"),
    [
        ("docker.io/library/alpine", "3.12"),
        ("docker.io/library/python", "3"),
        ("docker.io/library/python", "slim-bookworm"),
        ("ghcr.io/team/happy", "happy3.12"),
    ],
)
def test_a_tag_that_says_no_version_of_python_is_accepted(
    stack: StackFolder, reference: str, tag: str
) -> None:
    stack.edit("bases.lock.toml", "docker.io/library/python", reference)
    stack.edit("bases.lock.toml", 'tag = "3.11-slim"', f'tag = "{tag}"')
    stack.load()


def test_a_base_that_no_image_has_may_have_another_python(stack: StackFolder) -> None:
    stack.append("bases.lock.toml", '[other]\nreference = "python"\ntag = "3.12"\n')
    stack.load()


def test_the_tag_is_not_compared_where_the_only_base_is_the_bootstrap_base(stack: StackFolder) -> None:
    stack.edit("bases.lock.toml", 'tag = "3.11-slim"', 'tag = "3.12-slim"')
    stack.edit("stack.toml", 'base = "auto"', 'base = "bootstrap"')
    stack.load()


def test_the_path_of_a_model_is_absolute(stack: StackFolder) -> None:
    stack.append(IMAGE, '[[models]]\npath = "models/x"\ndescription = "A model."\n')
    assert "'models/x' is not absolute" in what(stack, f"{IMAGE}: models[0].path: ")
