"""The account of a stack beside those that Debian has."""

from __future__ import annotations

import pytest

from tests.unit.catalog.folder import StackFolder

AS_WRITTEN = 'name = "app"\nuid = 1000\ngid = 1000'


def account(stack: StackFolder, name: str, uid: int, gid: int) -> None:
    stack.edit("stack.toml", AS_WRITTEN, f'name = "{name}"\nuid = {uid}\ngid = {gid}')


@pytest.mark.parametrize(
    ("name", "uid", "gid"),
    [
        ("www-data", 33, 33),
        ("app", 1000, 100),
        ("app", 1000, 33),
        ("staff", 1000, 50),
        ("nobody", 65534, 65534),
    ],
)
def test_an_account_or_a_group_that_debian_has_is_used_as_it_is(
    stack: StackFolder, name: str, uid: int, gid: int
) -> None:
    account(stack, name, uid, gid)
    found = stack.load()
    assert (found.user, found.uid, found.gid) == (name, uid, gid)


@pytest.mark.parametrize(
    ("name", "uid", "gid", "error"),
    [
        (
            *("www-data", 1000, 1000),
            (
                "user.name: Debian has the account 'www-data' with uid = 33 and gid = 33; write uid = 33"
                " and gid = 33, or choose another name"
            ),
        ),
        (
            *("root", 1000, 1000),
            "user.name: Debian has the account 'root' with uid = 0 and gid = 0; choose another name",
        ),
        (
            *("app", 33, 33),
            (
                "user.uid: 33 is the id of 'www-data', an account of Debian; choose another one, or write"
                ' name = "www-data"'
            ),
        ),
        (
            *("staff", 1000, 1000),
            "user.name: Debian has the group 'staff' with gid = 50; write gid = 50, or choose another name",
        ),
        (*("app", 65535, 1000), "user.uid: 65535 is no id of an account; choose one such as 1000"),
        (*("app", 1000, 2**32), "user.gid: 4294967296 is no id of an account; choose one such as 1000"),
    ],
)
def test_an_account_that_debian_has_otherwise_is_refused(
    stack: StackFolder, name: str, uid: int, gid: int, error: str
) -> None:
    account(stack, name, uid, gid)
    assert stack.errors == [f"docker/stack.toml: {error}"]
