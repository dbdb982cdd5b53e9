"""Names, modes, targets and digests that can't be what they are for."""

from __future__ import annotations

import pytest

from ci.catalog import names
from tests.unit.catalog.folder import StackFolder


def test_a_namespace_that_cannot_be_a_repository_is_refused(stack: StackFolder) -> None:
    stack.edit("stack.toml", "team/small", "Team//small")
    assert stack.errors == [
        (
            "docker/stack.toml: namespace: 'Team//small' can't be part of a repository's path; use lower-case"
            " letters, digits and single . _ - between them, and / between parts"
        )
    ]


def test_an_image_name_that_cannot_be_a_repository_is_refused(stack: StackFolder) -> None:
    (stack.path / "tool").rename(stack.path / "tool-")
    assert stack.errors == [
        (
            "docker/tool-: 'tool-' can't be the name of a repository; rename the folder to lower-case"
            " letters,"
            " digits and single . _ - between them"
        )
    ]


def test_capital_letters_are_an_error_that_says_what_to_write(stack: StackFolder) -> None:
    stack.edit("stack.toml", "team/small", "Team/small")
    (stack.path / "tool").rename(stack.path / "Tool")
    assert stack.errors == [
        (
            "docker/Tool: 'Tool' has capital letters, which the name of a repository can't have; rename the "
            "folder to 'tool'"
        ),
        (
            "docker/stack.toml: namespace: 'Team/small' has capital letters, which a repository's path can't "
            "have; write 'team/small'"
        ),
    ]


def test_an_image_name_that_dockwright_uses_itself_is_refused(stack: StackFolder) -> None:
    (stack.path / "tool").rename(stack.path / "release")
    assert stack.errors == ["docker/release: dockwright itself uses the name 'release'; rename the folder"]


def test_two_images_that_differ_by_case_alone_are_duplicates(stack: StackFolder) -> None:
    stack.write("Tool/image.toml", 'title = "T"\ndescription = "D"\n[parent]\ncpu = "base"\n')
    assert "docker/tool: duplicate: 'Tool' differs by case alone; rename one of them" in stack.errors


def test_a_variant_that_cannot_be_a_tag_is_refused(stack: StackFolder) -> None:
    stack.edit("stack.toml", '["cpu", "cuda"]', '["cpu", "cuda", "-gpu"]')
    assert stack.errors == [
        (
            "docker/stack.toml: variants[2]: '-gpu' can't be a tag; use up to 128 letters, digits and ."
            " _ -, and"
            " start with none of . -"
        )
    ]


def test_a_variant_that_looks_like_the_tag_of_a_key_is_refused(stack: StackFolder) -> None:
    stack.edit("stack.toml", '["cpu", "cuda"]', '["cpu", "cuda", "k-x"]')
    assert stack.errors == [
        (
            "docker/stack.toml: variants[2]: 'k-x' starts with 'k-', as the tags of keys do; choose "
            "another name"
        )
    ]


def test_two_variants_that_differ_by_case_alone_are_duplicates(stack: StackFolder) -> None:
    stack.edit("stack.toml", '["cpu", "cuda"]', '["cpu", "cuda", "CPU"]')
    assert stack.errors == [
        "docker/stack.toml: variants[2]: duplicate: 'CPU' and 'cpu' differ by case at most; rename one"
    ]


def test_an_unknown_kind_of_base_is_refused(stack: StackFolder) -> None:
    stack.edit("stack.toml", '"auto"', '"registri"')
    assert stack.errors == [
        (
            "docker/stack.toml: base: unknown kind of base 'registri'; did you mean 'registry'?"
            " Known: auto, bootstrap, registry"
        )
    ]


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ('python = "3.11"', 'python = "3.11.4"', "python"),
        ('name = "app"', 'name = "app user"', "user.name"),
        ('"bookworm"', '"book worm"', "bootstrap.suite"),
        ('"0.13.9"', '"latest"', "wheelhouse.uv"),
    ],
)
def test_a_value_of_the_stack_that_has_another_form_is_refused(
    stack: StackFolder, old: str, new: str, key: str
) -> None:
    stack.edit("stack.toml", old, new)
    (line,) = stack.errors
    assert line.startswith(f"docker/stack.toml: {key}: ")
    assert " is not valid; write " in line


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ("docker.io/library/python", "docker.io/library/python:3", "reference"),
        ("3.11-slim", "3.11 slim", "tag"),
        ("sha256:dd", "sha256:zz", "digest"),
    ],
)
def test_an_outside_image_that_cannot_be_pulled_is_refused(
    stack: StackFolder, old: str, new: str, key: str
) -> None:
    stack.edit("bases.lock.toml", old, new)
    assert [line.split(": ")[:2] for line in stack.errors] == [["docker/bases.lock.toml", f"python.{key}"]]


def test_an_absent_digest_is_a_mistake_where_it_is_used(stack: StackFolder) -> None:
    stack.edit("bases.lock.toml", f"sha256:{'d' * 64}", "")
    stack.load()
    stack.edit("stack.toml", 'base = "auto"', 'base = "registry"')
    assert stack.errors == [
        (
            "docker/bases.lock.toml: python.digest: absent, but needed: stack.toml has base = "
            '"registry"; run `dockwright lock` where that registry can be reached, or set base = '
            '"auto"'
        )
    ]


def test_an_absent_digest_that_nobody_uses_is_no_mistake(stack: StackFolder) -> None:
    stack.edit("stack.toml", 'base = "auto"', 'base = "registry"')
    stack.append("bases.lock.toml", '[other]\nreference = "debian"\ntag = "12"\n')
    assert [base.name for base in stack.load().external_bases] == ["other", "python"]


def test_the_name_of_an_environment_variable_is_checked(stack: StackFolder) -> None:
    stack.edit("base/image.toml", 'LANG = "C.UTF-8"', '"1-BAD" = "x"')
    stack.edit("base/image.toml", 'GPU = "all"', '"A B" = "x", C = "x\\ny"')
    assert stack.errors == [
        (
            "docker/base/image.toml: env.1-BAD: not the name of an environment variable; use letters,"
            " digits and"
            " _, not starting with a digit"
        ),
        (
            "docker/base/image.toml: variant.cuda.env.A B: not the name of an environment variable; use"
            " letters,"
            " digits and _, not starting with a digit"
        ),
        (
            "docker/base/image.toml: variant.cuda.env.C: contains a line break or another control "
            "character; write one line"
        ),
    ]


def test_a_debian_package_is_a_name_and_listed_once(stack: StackFolder) -> None:
    stack.edit("base/image.toml", '["tini"]', '["tini", "curl=8", "tini"]')
    assert stack.errors == [
        (
            "docker/base/image.toml: apt[1]: 'curl=8' is not the name of a Debian package; write the "
            "name alone: versions are in the lock"
        ),
        "docker/base/image.toml: apt[2]: duplicate: 'tini' is listed twice; remove one",
    ]


def test_the_packages_of_the_stack_are_checked(stack: StackFolder) -> None:
    stack.edit("stack.toml", '"tzdata"', '"TZ data"')
    stack.edit("stack.toml", '"g++"', '"g++", "G"')
    assert [line.split(": ")[1] for line in stack.errors] == ["bootstrap.packages[1]", "wheelhouse.apt[1]"]


@pytest.mark.parametrize("mode", ["644", "0888", "rw-r--r--", "0o644", "00644", ""])
def test_a_mode_that_is_not_four_octal_digits_is_refused(stack: StackFolder, mode: str) -> None:
    stack.append("tool/image.toml", f'mode = "{mode}"\n')
    assert stack.errors == [
        (
            f"docker/tool/image.toml: files[0].mode: '{mode}' is not a mode; write four octal digits, such as"
            " '0644', or '0755' for a program"
        )
    ]


@pytest.mark.parametrize("mode", ["4755", "2755", "1777", "7777"])
def test_a_mode_that_gives_more_than_rights_is_refused(stack: StackFolder, mode: str) -> None:
    stack.append("tool/image.toml", f'mode = "{mode}"\n')
    assert stack.errors == [
        (
            f"docker/tool/image.toml: files[0].mode: '{mode}' sets setuid, setgid or the sticky bit; use"
            f" 0{mode[1:]}"
        )
    ]


@pytest.mark.parametrize(
    ("target", "what"),
    [
        ("opt/app/x", "is not absolute; write /opt/app/x"),
        ("/etc/cron.d/x", "is not below /opt/app, the folder of all files; write /opt/app/x"),
        (
            "/opt/application",
            "is not below /opt/app, the folder of all files; write /opt/app/application",
        ),
        ("/opt/app/../venv/x", "is not a plain path; write it without //, . and .."),
        ("/opt//app/x", "is not a plain path; write it without //, . and .."),
        ("/", "is not below /opt/app, the folder of all files; write /opt/app/"),
        ("/opt/app", "is the folder of all files; end it with / or name the file"),
    ],
)
def test_a_target_that_is_not_below_the_folder_of_files_is_refused(
    stack: StackFolder, target: str, what: str
) -> None:
    stack.edit("tool/image.toml", '"/opt/app/"', f'"{target}"')
    assert stack.errors == [f"docker/tool/image.toml: files[0].target: '{target}' {what}"]


@pytest.mark.parametrize("name", ["a", "a.b", "a__b", "a--b", "0", "a-b_c.d"])
def test_a_repository_component_of_the_specification_is_accepted(name: str) -> None:
    assert names.image_error(name) is None


@pytest.mark.parametrize("name", ["", "A", ".a", "a.", "a..b", "a___b", "-a", "a/b", "ä"])
def test_what_the_specification_does_not_allow_as_a_component_is_refused(name: str) -> None:
    assert names.image_error(name) is not None


@pytest.mark.parametrize(
    ("name", "good"), [("x" * 128, True), ("x" * 129, False), (".a", False), ("_a", True)]
)
def test_a_tag_has_up_to_128_characters_and_does_not_start_with_a_dot(name: str, good: bool) -> None:
    assert (names.variant_error(name) is None) is good
