"""Locks as text, both ways."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ci.catalog.lockfile import (
    apt_lock_text,
    inputs_digest,
    packages_digest,
    parse_apt_lock,
    parse_python_lock,
    python_lock_text,
)
from ci.catalog.stack import DebLine
from tests.stacks import deb, sdist, sha, wheel

INPUTS = inputs_digest(b"x\n")


def test_a_python_lock_is_read_back_as_it_was_written() -> None:
    text = python_lock_text([wheel("zipp"), sdist("docopt")], INPUTS, "Locked for x.")
    rows = f"{sdist('docopt').text}\n{wheel('zipp').text}"
    assert text == (
        "# Locked for x.\n"
        "# Written by `dockwright lock`; edit what it asks for, not this file.\n"
        f"# inputs: {INPUTS}\n"
        f"# lines: sha256:{sha(rows)}\n"
        f"{sdist('docopt').text}\n"
        f"{wheel('zipp').text}\n"
    )
    lock = parse_python_lock(text)
    assert (lock.lines, lock.inputs, lock.errors) == ((sdist("docopt"), wheel("zipp")), INPUTS, ())


def test_the_size_of_a_file_stands_in_the_lock_and_in_no_key() -> None:
    sized = replace(wheel("torch"), size=887_000_000)
    text = python_lock_text([sized], INPUTS, "T")
    assert text.splitlines()[-1] == f"{wheel('torch').text} 887000000"
    assert parse_python_lock(text).lines == (sized,)
    assert sized.text == wheel("torch").text


def test_a_debian_lock_is_read_back_as_it_was_written() -> None:
    odd = DebLine(
        name="libstdc++6",
        version="1:12.2.0-14+deb12u1~b",
        arch="amd64",
        sha256="a" * 64,
        size=1,
        path="pool/updates/main/g/gcc-12/libstdc++6_12.2.0-14+deb12u1~b_amd64.deb",
    )
    lock = parse_apt_lock(apt_lock_text([deb("tini"), odd], packages_digest(["tini"]), "Locked."))
    assert (lock.lines, lock.errors) == ((odd, deb("tini")), ())
    assert lock.inputs == packages_digest(["tini"])


def test_a_lock_of_nothing_is_a_lock() -> None:
    lock = parse_python_lock(python_lock_text([], INPUTS, "Nothing."))
    assert (lock.lines, lock.inputs, lock.errors) == ((), INPUTS, ())


def test_the_order_and_the_line_endings_of_a_lock_do_not_count() -> None:
    text = python_lock_text([wheel("a"), wheel("b")], INPUTS, "T")
    rows = text.splitlines()
    turned = "\r\n".join([*rows[:4], "", rows[5], rows[4]])
    assert parse_python_lock(turned) == parse_python_lock(text)


def test_a_lock_without_its_header_has_no_inputs() -> None:
    assert parse_python_lock(f"# inputs: none\n{wheel('a').text}\n").inputs == ""


@pytest.mark.parametrize(
    "line",
    [
        wheel("a").text.replace("a==", "A=="),
        wheel("a").text.replace("sha256:", "sha512:"),
        wheel("a").text.replace(".whl", ".exe"),
        wheel("a").text.replace(" # a-", " # ../a-"),
        wheel("a").text + " x",
        wheel("a").text + " 0",
        "<<<<<<< HEAD",
    ],
)
def test_a_python_line_of_another_form_is_a_mistake(line: str) -> None:
    lock = parse_python_lock(f"# T\n{line}\n{wheel('b').text}\n")
    assert lock.lines == (wheel("b"),)
    assert [number for number, _ in lock.errors] == [2]


def test_a_line_whose_file_is_of_another_distribution_is_a_mistake() -> None:
    line = wheel("a").text.replace("# a-", "# b-")
    assert parse_python_lock(line).errors == ((1, "the file b-1.0-py3-none-any.whl does not belong to 'a'"),)


@pytest.mark.parametrize(
    "line",
    [
        deb("tini").text.replace("pool/", "../pool/"),
        deb("tini").text.replace("pool/main", "pool/../main"),
        deb("tini").text.replace(" 1000 ", " 0 "),
        deb("tini").text.replace(".deb", ".udeb.sh"),
        deb("tini").text.replace("tini=", "Tini="),
    ],
)
def test_a_debian_line_of_another_form_is_a_mistake(line: str) -> None:
    assert [number for number, _ in parse_apt_lock(line).errors] == [1]


def test_the_digest_of_a_list_of_packages_is_that_of_its_sorted_lines() -> None:
    assert packages_digest(["b", "a"]) == inputs_digest(b"a\nb")
