"""Why a key changed: the exact inputs that differ between two key documents. Pure."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ci.catalog.validation_errors import printable
from ci.plan.keys import Document, digest, tag

SHOWN = 100
"""Most characters of the first change in a line that also counts the others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One input that differs. `old` or `new` is empty where the input was added or removed."""

    input: str
    old: str
    new: str

    @property
    def text(self) -> str:
        """The change in a few words."""
        if not self.old:
            return f"{self.input} added: {self.new}"
        if not self.new:
            return f"{self.input} removed: {self.old}"
        return f"{self.input}: {self.old} → {self.new}"


def compare(old: Document, new: Document) -> tuple[Change, ...]:
    """Return every input that differs between two documents of one image, the image's own ones first."""
    changes = [
        Change(input=name, old=str(old.get(name, "")), new=str(new.get(name, "")))
        for name in ("schema", "epoch", "platform", "uv")
        if old.get(name) != new.get(name)
    ]
    changes += _files(old, new)
    changes += _lines("python lock", _locked(old.get("python", [])), _locked(new.get("python", [])))
    changes += _lines("apt lock", _locked(old.get("apt", [])), _locked(new.get("apt", [])))
    changes += _wheel_builds(old.get("wheel_builds", {}), new.get("wheel_builds", {}))
    changes += _instructions(old.get("instructions", []), new.get("instructions", []))
    changes += _parent(old.get("parent", {}), new.get("parent", {}))
    if not changes and digest(old) != digest(new):
        changes.append(Change(input="step keys", old="of an older form", new="of this form"))
    return tuple(changes)


def in_short(changes: Sequence[Change]) -> str:
    """Return the first change in one line, and how many more there are."""
    first = changes[0].text.splitlines()[0]
    more = f" and {len(changes) - 1} more" if len(changes) > 1 else ""
    return (first if len(first) <= SHOWN else f"{first[: SHOWN - 1]}…") + more


def explain(
    image: str,
    current: Mapping[str, Document],
    stored: Callable[[str, str], Document | None],
    built: Mapping[str, str],
) -> tuple[str, ...]:
    """Return sentences that explain whether, and why, `image` differs from its last build on this machine.

    Args:
        image: `image:variant`.
        current: documents of this checkout.
        stored: the document of an image under a cache tag, None where there is none.
        built: cache tag of each image variant that the store has under its human tag.
    """
    new = current[image]
    if image not in built:
        return (f"{image} was never built here: the store has no image of that name.",)
    if built[image] == tag(digest(new)):
        return (f"{image} is up to date: its inputs have the key {digest(new)[:12]}.",)
    old = stored(image, built[image])
    if old is None:
        return (
            f"unknown: no key document is stored for the last build of {image}, so the change is not known.",
        )
    lines = []
    for change in compare(old, new):
        if change.input.startswith("parent ") and new["parent"].get("image") in current:
            parent = str(new["parent"]["image"])
            before = stored(parent, tag(str(old["parent"].get("key", ""))))
            lines.append(f"parent {parent} changed:")
            if before is None:
                lines.append(f"  unknown: no key document is stored for the {parent} that it was built on")
            else:
                lines += [f"  {inner.text}" for inner in _deep(before, current[parent], current, stored)]
        else:
            lines.append(change.text)
    return tuple(lines)


def _deep(
    old: Document,
    new: Document,
    current: Mapping[str, Document],
    stored: Callable[[str, str], Document | None],
) -> tuple[Change, ...]:
    """Return the changed inputs of a parent and, recursively, of its parents."""
    found: list[Change] = []
    for change in compare(old, new):
        parent = new["parent"].get("image")
        before = stored(str(parent), tag(str(old["parent"].get("key", "")))) if parent else None
        if change.input.startswith("parent ") and parent in current and before is not None:
            found += _deep(before, current[parent], current, stored)
        else:
            name = str(new["image"])
            found.append(Change(input=f"{name}: {change.input}", old=change.old, new=change.new))
    return tuple(found)


def _lines(what: str, old: Mapping[str, str], new: Mapping[str, str]) -> list[Change]:
    changes = []
    for name in sorted(old.keys() | new.keys()):
        before, after = old.get(name, ""), new.get(name, "")
        if before != after:
            short_old, short_new = before.split(" ")[0], after.split(" ")[0]
            if short_old == short_new:
                short_old, short_new = before, after
            changes.append(Change(input=f"{what} {name}", old=short_old, new=short_new))
    return changes


def _locked(lines: list[str]) -> dict[str, str]:
    found = {}
    for line in lines:
        name, _, rest = line.replace("==", "=", 1).partition("=")
        found[name] = rest
    return found


def _files(old: Document, new: Document) -> list[Change]:
    before = {row[1]: row for row in old.get("files", [])}
    after = {row[1]: row for row in new.get("files", [])}
    changes = []
    for target in sorted(before.keys() | after.keys()):
        one, two = before.get(target), after.get(target)
        if one is None or two is None:
            row = one or two or []
            text = printable(f"{row[0]} {row[2]} {row[3][:12]}")
            changes.append(
                Change(input=f"file {printable(target)}", old=text if one else "", new=text if two else "")
            )
            continue
        for column, what in ((0, "source"), (2, "mode"), (3, "content")):
            if one[column] != two[column]:
                changes.append(
                    Change(
                        input=f"file {printable(two[0])} ({what})", old=one[column][:12], new=two[column][:12]
                    )
                )
    return changes


def _wheel_builds(old: Mapping[str, Document], new: Mapping[str, Document]) -> list[Change]:
    changes = []
    for name in sorted(old.keys() | new.keys()):
        one, two = old.get(name, {}), new.get(name, {})
        changes += _lines(
            f"sdist {name}", _locked([one["sdist"]] if one else []), _locked([two["sdist"]] if two else [])
        )
        for part in ("requirements", "compiler"):
            changes += _lines(
                f"{part} of the wheel build of {name}:",
                _locked(one.get(part, [])),
                _locked(two.get(part, [])),
            )
        for part in ("python", "base"):
            if one and two and one.get(part) != two.get(part):
                changes.append(
                    Change(
                        input=f"{part} of the wheel build of {name}",
                        old=str(one.get(part)),
                        new=str(two.get(part)),
                    )
                )
    return changes


def _instructions(old: list[str], new: list[str]) -> list[Change]:
    changes = []
    old, new = [_unnamed(text) for text in old], [_unnamed(text) for text in new]
    matcher = difflib.SequenceMatcher(a=old, b=new, autojunk=False)
    for kind, a, b, c, d in matcher.get_opcodes():
        if kind != "equal":
            changes.append(Change(input="instruction", old="; ".join(old[a:b]), new="; ".join(new[c:d])))
    return changes


def _unnamed(text: str) -> str:
    """Return an instruction without the digest in the name of its list: the lock lines show that change."""
    return re.sub(r"(lists/[^\s/]+-)[0-9a-f]{12}\.(txt|sha256)\b", r"\1….\2", text)


def _parent(old: Document, new: Document) -> list[Change]:
    if old == new:
        return []
    if "bootstrap" in old and "bootstrap" in new:
        changes = _lines("bootstrap package", _locked(old["packages"]), _locked(new["packages"]))
        for part in ("bootstrap", "options", "script"):
            if old[part] != new[part]:
                changes.append(Change(input=f"bootstrap {part}", old=str(old[part]), new=str(new[part])))
        return changes
    return [Change(input=f"parent {_name(new)}", old=_shown(old), new=_shown(new))]


def _name(parent: Document) -> str:
    return str(parent.get("image") or parent.get("registry") or "bootstrap")


def _shown(parent: Document) -> str:
    return str(parent.get("key", ""))[:12] or _name(parent)
