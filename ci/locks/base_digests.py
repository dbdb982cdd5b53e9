"""Digests of external base images, from their registry if it can be reached."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path

from ci.bounded.file import SMALL_BYTES, read_file
from ci.bounded.parse import MalformedError, parse_toml
from ci.catalog.load import BASES_LOCK
from ci.catalog.stack import ExternalBase
from ci.errors import CommandError, LockError
from ci.locks.child import run
from ci.locks.project import quoted
from ci.names.digest import is_digest
from ci.wheelhouse.program.atomic_write import write_atomically

TIMEOUT_S = 5.0


def served_digest(base: ExternalBase, timeout_s: float = TIMEOUT_S) -> str:
    """Return the digest that the registry has now for the tag of `base`.

    Raises:
        CommandError: skopeo is not installed, or the registry did not answer in time or refused.
    """
    image = f"docker://{base.reference}:{base.tag}"
    argv = ("skopeo", "inspect", "--no-tags", "--format", "{{.Digest}}", image)
    digest = run(argv, os.environ, timeout_s=timeout_s).strip()
    if not is_digest(digest):
        raise CommandError(argv, 0, f"answered {digest[:80]!r}, which is not a digest")
    return digest


def with_digest(text: str, name: str, digest: str) -> str:
    """Return the text of bases.lock.toml with the digest of `[name]` replaced, or added; the rest stays.

    Raises:
        LockError: it has the entry in another form of TOML than a table with a line for each key.
    """
    wanted = parse_toml(text)
    wanted[name]["digest"] = digest
    with suppress(MalformedError):
        found = _with_digest(text, name, digest)
        if parse_toml(found) == wanted:
            return found
    raise LockError(
        f"{BASES_LOCK}: {name}: its digest is {digest}, but can't be written there",
        hint=f"write the entry as a table: [{quoted(name)}], and below it a line for each key",
    )


def _with_digest(text: str, name: str, digest: str) -> str:
    rows = text.replace("\r\n", "\n").removesuffix("\n").split("\n")
    start = next((number for number, row in enumerate(rows) if _header(row) == name), len(rows))
    end = next((n for n in range(start + 1, len(rows)) if rows[n].lstrip().startswith("[")), len(rows))
    entry = f"digest = {quoted(digest)}"
    for number in range(start + 1, end):
        if re.match(r"\s*digest\s*=", rows[number]):
            before = rows[number].partition("#")[0].rstrip()
            rows[number] = entry + rows[number][len(before) :].rstrip()
            return "\n".join([*rows, ""])
    last = max((number for number in range(start, end) if rows[number].strip()), default=start)
    rows.insert(last + 1, entry)
    return "\n".join([*rows, ""])


def refresh_digests(directory: Path, bases: tuple[ExternalBase, ...], upgrade: bool) -> tuple[str, ...]:
    """Write missing digests, and with `upgrade` all, to bases.lock.toml; return a report, line by line.

    A digest that can't be resolved now stays as it is.

    Raises:
        LockError: a digest can't be written there.
    """
    report = []
    file = directory / BASES_LOCK
    for base in bases:
        if base.digest and not upgrade:
            continue
        what = f"{BASES_LOCK}: {base.name}: {base.reference}:{base.tag}"
        try:
            digest = served_digest(base)
        except CommandError as error:
            state = "unchanged" if base.digest else "still missing"
            report.append(f"{what} can't be reached, so its digest is {state} ({_reason(error.tail)})")
            continue
        if digest == base.digest:
            report.append(f"{what} has the same digest")
            continue
        text = read_file(file, SMALL_BYTES).decode("utf-8-sig")
        write_atomically(file, with_digest(text, base.name, digest))
        report.append(f"{what} is now {digest}")
    return tuple(report)


def _reason(tail: str) -> str:
    """Return the last error of skopeo, without its time and level."""
    last = tail.splitlines()[-1][-2000:] if tail else "no reason given"
    match = re.search(r'msg="(.*)"$', last)
    return (match[1].replace('\\"', '"') if match else last)[-160:]


def _header(row: str) -> str:
    before, sign, after = row.strip().partition("]")
    if not before.startswith("[") or not sign or (after.strip() and not after.strip().startswith("#")):
        return ""
    return before[1:].strip().strip("\"'")
