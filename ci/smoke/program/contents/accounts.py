"""Whether the accounts of a root file system are consistent. Standard library only.

Source: passwd(5), group(5), shadow(5), gshadow(5), pwck(8).
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from .file_tree import Entry, Links

FIELDS = {"passwd": 7, "group": 4, "shadow": 9, "gshadow": 4}
"""The files, and how many fields a line of each has."""

Rows = dict[str, list[list[str]]]


def account_errors(
    root: str, tree: Mapping[str, Entry], changed: Iterable[str], user: str, uid: int, gid: int
) -> list[str]:
    """Return what is wrong with the accounts of `root`, whose programs run as `user`, a sentence each.

    The owners of the paths that are `changed` have to be among the accounts.
    """
    rows, errors = _read(root)
    for name, which in (("passwd", "uid"), ("group", "gid")):
        errors += _twice(name, "name", (row[0] for row in rows[name]))
        errors += _twice(name, which, (row[2] for row in rows[name]))
    for name in ("shadow", "gshadow"):
        errors += _twice(name, "name", (row[0] for row in rows[name]))
    users, groups = ({row[0] for row in rows[name]} for name in ("passwd", "group"))
    gids = {row[2] for row in rows["group"]}
    errors += [
        f"/etc/shadow: {row[0]!r} is not in /etc/passwd" for row in rows["shadow"] if row[0] not in users
    ]
    errors += [
        f"/etc/gshadow: {row[0]!r} is not in /etc/group" for row in rows["gshadow"] if row[0] not in groups
    ]
    errors += [
        f"/etc/passwd: {row[0]!r} has the gid {row[3]}, which is not in /etc/group"
        for row in rows["passwd"]
        if row[3] not in gids
    ]
    errors += [
        f"/etc/group: {row[0]!r} has the member {member!r}, who is not in /etc/passwd"
        for row in rows["group"]
        for member in row[3].split(",")
        if member and member not in users
    ]
    errors += [
        f"/etc/{name}: {row[0]!r} has an empty password, so nobody is asked for one"
        for name in ("passwd", "shadow")
        for row in rows[name]
        if not row[1]
    ]
    errors += _user_errors(rows["passwd"], tree, user, str(uid), str(gid))
    for name, which in (("passwd", "uid"), ("group", "gid")):
        known = {int(row[2]) for row in rows[name] if row[2].isdigit()}
        errors += [
            f"{path}: its {which} {number} is not in /etc/{name}"
            for path in sorted(changed)
            if (number := getattr(tree[path], which)) not in known
        ]
    return errors


def _user_errors(
    rows: list[list[str]], tree: Mapping[str, Entry], user: str, uid: str, gid: str
) -> Iterator[str]:
    mine = next((row for row in rows if row[2] == uid), None)
    if mine is None:
        yield f"/etc/passwd: no account has the uid {uid}, as which the image runs"
        return
    if mine[0] != user:
        yield f"/etc/passwd: the uid {uid} is {mine[0]!r}, not {user!r}"
    if mine[3] != gid:
        yield f"/etc/passwd: {mine[0]!r} has the gid {mine[3]}, but the image runs as {uid}:{gid}"
    home = mine[5].rstrip("/")
    if not home:
        return
    entry = tree.get(Links(tree).folder(home))
    if entry is None or entry.kind != "d":
        yield f"/etc/passwd: the home of {mine[0]!r}, {home}, is not a folder"
    elif (str(entry.uid), str(entry.gid)) != (uid, gid):
        yield f"{home}: the home of {mine[0]!r} belongs to {entry.uid}:{entry.gid}, not to {uid}:{gid}"


def _read(root: str) -> tuple[Rows, list[str]]:
    rows: Rows = {}
    errors: list[str] = []
    for name, fields in FIELDS.items():
        path = f"/etc/{name}"
        rows[name] = []
        try:
            text = Path(f"{root.rstrip('/')}{path}").read_text(errors="replace")
        except FileNotFoundError:
            if not name.endswith("shadow"):
                errors.append(f"{path}: is missing")
            continue
        except PermissionError:
            continue
        for number, line in enumerate(text.splitlines(), 1):
            row = line.split(":")
            if len(row) != fields or not row[0]:
                errors.append(f"{path}:{number}: is not {fields} fields with a name first")
            else:
                rows[name].append(row)
    return rows, errors


def _twice(file: str, what: str, values: Iterable[str]) -> list[str]:
    return [
        f"/etc/{file}: {number} entries have the {what} {value!r}"
        for value, number in Counter(values).items()
        if number > 1
    ]
