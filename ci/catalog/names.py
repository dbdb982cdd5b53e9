"""Rules for names: repositories, tags, variables, packages, modes and targets of files.

Every check returns what is wrong with a value and a hint, or None.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from ci.catalog.validation_errors import Invalid
from ci.names import reference
from ci.names.digest import is_digest
from ci.steps.layout import APP

REPOSITORY = re.compile(reference.COMPONENT)
TAG = re.compile(reference.TAG)
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
PACKAGE = re.compile(r"[a-z0-9][a-z0-9+.-]+")
MODE = re.compile(r"0[0-7]{3}")
REFERENCE = re.compile(rf"(?:[A-Za-z0-9.-]+(?::[0-9]+)?/)?{REPOSITORY.pattern}(?:/{REPOSITORY.pattern})*")
PYTHON = re.compile(r"3\.[0-9]{1,3}")
VERSION = re.compile(r"[0-9]+(?:\.[0-9]+)*")
ACCOUNT = re.compile(r"[a-z_][a-z0-9_-]{0,31}")
FOLDER = re.compile(r"(?:[A-Za-z0-9_*-][A-Za-z0-9_.*-]*/)*[A-Za-z0-9_*-][A-Za-z0-9_.*-]*")
SUITE = re.compile(r"[a-z][a-z0-9-]*")

NAME_BYTES, PATH_BYTES, TEXT_BYTES = 255, 4000, 8000
"""Most bytes of a file's name, of a path, and of the strings of one key that go into an instruction."""

RESERVED = ("debhouse", "outside", "release", "wheelhouse")
"""Names in a namespace that dockwright uses for other artifacts than images."""


def namespace_error(name: str) -> Invalid | None:
    """Check a registry namespace: one or more repository path components.

    Source: OCI distribution-spec 1.1, section Pulling manifests, `<name>`.
    """
    if all(REPOSITORY.fullmatch(part) for part in name.split("/")):
        return None
    hint = "use lower-case letters, digits and single . _ - between them, and / between parts"
    if name != name.lower() and namespace_error(name.lower()) is None:
        return (
            f"{name!r} has capital letters, which a repository's path can't have",
            f"write {name.lower()!r}",
        )
    return f"{name!r} can't be part of a repository's path", hint


def image_error(name: str) -> Invalid | None:
    """Check an image's name: the last component of its repository, and not one of `RESERVED`."""
    if name in RESERVED:
        return f"dockwright itself uses the name {name!r}", "rename the folder"
    if REPOSITORY.fullmatch(name):
        return None
    if name != name.lower() and image_error(name.lower()) is None:
        what = f"{name!r} has capital letters, which the name of a repository can't have"
        return what, f"rename the folder to {name.lower()!r}"
    return (
        f"{name!r} can't be the name of a repository",
        "rename the folder to lower-case letters, digits and single . _ - between them",
    )


def variant_error(name: str) -> Invalid | None:
    """Check a variant's name: it is a tag, and not one of a key.

    Source: OCI distribution-spec 1.1, section Pulling manifests, `<reference>` as a tag.
    """
    if not TAG.fullmatch(name):
        hint = "use up to 128 letters, digits and . _ -, and start with none of . -"
        return f"{name!r} can't be a tag", hint
    if name.startswith("k-"):
        return f"{name!r} starts with 'k-', as the tags of keys do", "choose another name"
    return None


def variable_error(name: str, value: str) -> Invalid | None:
    """Check an environment variable.

    Source: POSIX.1-2017, Base Definitions 8.1 (lower case is allowed as well).
    """
    if not VARIABLE.fullmatch(name):
        hint = "use letters, digits and _, not starting with a digit"
        return "not the name of an environment variable", hint
    if not value.isprintable():
        return "contains a line break or another control character", "write one line"
    found = re.search(r"\$(?:\{[^}]*\}?|[A-Za-z_]\w*)", value.replace("$$", ""))
    if found:
        return (
            f"'{found[0]}' would not be replaced: a value is taken as it is",
            f"write out what it stands for, or '${found[0]}' for that very text",
        )
    return length_error(value)


def literal(value: str) -> str:
    """Return the value of an environment variable as it is in the image: `$$` is one dollar sign."""
    return value.replace("$$", "$")


def length_error(*texts: str) -> Invalid | None:
    """Check that strings which go into one instruction are not too long for a Dockerfile."""
    size = sum(len(text.encode()) for text in texts)
    if size > TEXT_BYTES:
        return f"is {size} bytes long, and may have {TEXT_BYTES}", "shorten it"
    return None


def line_error(text: str) -> Invalid | None:
    """Check the text of a label."""
    if not text.isprintable():
        return "contains a line break or another control character", "write one line: it is a label"
    return length_error(text)


def arguments_error(argv: Sequence[str]) -> Invalid | None:
    """Check the arguments of a program."""
    if any("\0" in word for word in argv):
        return "contains a NUL, which no argument can have", "remove it"
    return length_error(*argv)


def package_error(name: str) -> Invalid | None:
    """Check a Debian package's name.

    Source: Debian Policy 5.6.1.
    """
    if PACKAGE.fullmatch(name):
        return None
    return f"{name!r} is not the name of a Debian package", "write the name alone: versions are in the lock"


def mode_error(mode: str) -> Invalid | None:
    """Check a file's mode: four octal digits, none of setuid, setgid and sticky."""
    if MODE.fullmatch(mode):
        return None
    if re.fullmatch(r"[1-7][0-7]{3}", mode):
        return f"{mode!r} sets setuid, setgid or the sticky bit", f"use 0{mode[1:]}"
    return f"{mode!r} is not a mode", "write four octal digits, such as '0644', or '0755' for a program"


def target_error(target: str) -> Invalid | None:
    """Check the target of a file: an absolute, plain path below `APP`."""
    parts = target.removesuffix("/").split("/")
    if not target.startswith("/"):
        return f"{target!r} is not absolute", f"write {APP}/{parts[-1]}"
    if any(part in ("", ".", "..") for part in parts[1:]):
        return f"{target!r} is not a plain path", "write it without //, . and .."
    if target != APP and not target.startswith(f"{APP}/"):
        return f"{target!r} is not below {APP}, the folder of all files", f"write {APP}/{parts[-1]}"
    return path_error(target)


def path_error(path: str) -> Invalid | None:
    """Check that each part of a path can be the name of a file in a layer; any text but for a few can.

    Source: OCI image-spec 1.1, layer.md, Whiteouts; limits.h(0p) of Linux for NAME_MAX and PATH_MAX.
    """
    try:
        parts = [part.encode() for part in path.split("/")]
    except UnicodeEncodeError:
        return "a name that is not UTF-8", "rename it"
    if any(b"\0" in part for part in parts):
        return f"{path!r} contains a NUL", "remove it"
    if any(part.startswith(b".wh.") for part in parts):
        return f"{path!r}: .wh. at the start of a name marks a removed file in a layer", "rename it"
    if max(map(len, parts)) > NAME_BYTES or len(path.encode()) > PATH_BYTES:
        return (
            f"{path[:40]!r}…: a name of more than {NAME_BYTES} bytes, or a path of more than {PATH_BYTES}",
            ("shorten it"),
        )
    return None


def digest_error(digest: str) -> Invalid | None:
    """Check a digest; an empty one is absent, which is no error by itself."""
    if not digest or is_digest(digest):
        return None
    return f"{digest!r} is not a digest", "write sha256: and 64 hex digits, or leave it empty"


def form_error(value: str, form: re.Pattern[str], example: str) -> Invalid | None:
    """Check that `value` has the form of `example`."""
    return None if form.fullmatch(value) else (f"{value!r} is not valid", f"write {example}")
