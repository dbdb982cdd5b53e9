"""The account of a stack compared with those that each Debian system has.

Source: Debian's package base-passwd, passwd.master and group.master.
"""

from __future__ import annotations

from ci.catalog.document import UserTable
from ci.catalog.validation_errors import Invalid

USERS = {
    "root": (0, 0),
    "daemon": (1, 1),
    "bin": (2, 2),
    "sys": (3, 3),
    "sync": (4, 65534),
    "games": (5, 60),
    "man": (6, 12),
    "lp": (7, 7),
    "mail": (8, 8),
    "news": (9, 9),
    "uucp": (10, 10),
    "proxy": (13, 13),
    "www-data": (33, 33),
    "backup": (34, 34),
    "list": (38, 38),
    "irc": (39, 39),
    "_apt": (42, 65534),
    "nobody": (65534, 65534),
}
"""User id and group id of each account."""
GROUPS = {
    **{name: gid for name, (uid, gid) in USERS.items() if uid == gid and name != "nobody"},
    "adm": 4,
    "tty": 5,
    "disk": 6,
    "man": 12,
    "kmem": 15,
    "dialout": 20,
    "fax": 21,
    "voice": 22,
    "cdrom": 24,
    "floppy": 25,
    "tape": 26,
    "sudo": 27,
    "audio": 29,
    "dip": 30,
    "operator": 37,
    "src": 40,
    "shadow": 42,
    "utmp": 43,
    "video": 44,
    "sasl": 45,
    "plugdev": 46,
    "staff": 50,
    "games": 60,
    "users": 100,
    "nogroup": 65534,
}
MOST = 2**31 - 1
UNUSABLE = (65535,)
"""Ids that mean "none" to some programs. Source: Debian Policy 9.2.2."""


def account_errors(user: UserTable) -> list[tuple[str, Invalid | None]]:
    """Return the errors of the account, each with its key.

    An account that Debian has is taken over with its ids; a group id that Debian has is that group.
    """
    found: list[tuple[str, Invalid | None]] = []
    for key, id_ in (("user.uid", user.uid), ("user.gid", user.gid)):
        if id_ > MOST or id_ in UNUSABLE:
            found.append((key, (f"{id_} is no id of an account", "choose one such as 1000")))
    own = USERS.get(user.name)
    owner = next((name for name, (uid, _) in USERS.items() if uid == user.uid), user.name)
    group = GROUPS.get(user.name)
    if own is not None and own != (user.uid, user.gid):
        ids = f"uid = {own[0]} and gid = {own[1]}"
        hint = f"write {ids}, or choose another name" if own[0] else "choose another name"
        found.append(("user.name", (f"Debian has the account '{user.name}' with {ids}", hint)))
    elif owner != user.name:
        what = f"{user.uid} is the id of '{owner}', an account of Debian"
        found.append(("user.uid", (what, f'choose another one, or write name = "{owner}"')))
    elif own is None and group is not None and group != user.gid:
        what = f"Debian has the group '{user.name}' with gid = {group}"
        found.append(("user.name", (what, f"write gid = {group}, or choose another name")))
    return found
