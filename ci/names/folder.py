"""Paths of folders that other programs are given: which of them every program takes. Pure.

The kernel's overlay splits paths at `:` and `,`; apt decodes `%` and splits at spaces and brackets; Buildah
expands `$`, `*` and `?`; skopeo splits at `:`. The folders of a stack are read by dockwright alone.

Source: overlayfs.rst of the kernel; sources.list(5); containers-storage.conf(5); containers-transports(5).
"""

from __future__ import annotations

import re
from pathlib import Path

MAX_BYTES = 200
"""Longest path of a folder that is written to: all layers of an image have to fit into one page with it.

Source: mount(2), the size of `data`."""
SIGNS = "/._-+@~"
"""What a path may have in addition to letters and digits of any language."""
_UNUSABLE = re.compile(rf"[^\w{re.escape(SIGNS)}]")


def printable(path: Path) -> str:
    """Return a path as it can be printed, whatever its name."""
    text = str(path).encode(errors="surrogateescape").decode(errors="backslashreplace")
    return "".join(sign if sign.isprintable() else ascii(sign)[1:-1] for sign in text)


def undecodable(path: Path) -> str:
    """Return why a path can't be printed or written to a report, empty where it can: a part of a sentence."""
    text = str(path)
    if any("\ud800" <= sign <= "\udfff" for sign in text):
        return "its name is not UTF-8"
    if not text.isprintable():
        sign = next(sign for sign in text if not sign.isprintable())
        return f"its name has the control character {sign!a}"
    return ""


def unusable(path: Path) -> str:
    """Return why a folder can't be written to by all programs, empty where it can: a part of a sentence."""
    if found := undecodable(path):
        return found
    if sign := _UNUSABLE.search(str(path)):
        what = "a space" if sign[0] == " " else f"`{sign[0]}`"
        return f"its name has {what}, which programs of a build take for something else"
    size = len(str(path).encode())
    if size > MAX_BYTES:
        return f"its name has {size} bytes, and programs of a build take {MAX_BYTES}"
    return ""
