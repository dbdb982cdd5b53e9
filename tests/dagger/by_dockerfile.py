"""The image that a rendered Dockerfile's instructions make. Source: Docker, Dockerfile reference."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from tests.dagger.image import ROOT, Image

_MOUNT = re.compile(r"--mount=type=bind,from=(\S+),target=(\S+)\s+")
_QUOTED = re.compile(r'([^=]+)="((?:[^"\\$]|\\.)*)"')


def by_dockerfile(lines: tuple[str, ...], parent: Image, names: Mapping[str, str]) -> Image:
    """Return what `lines` make of `parent`; `names` has a name for each reference that is mounted."""
    image = parent.copied()
    for line in lines:
        word, _, rest = line.replace("\\\n", "").partition(" ")
        match word:
            case "ARG" | "FROM":
                pass
            case "RUN":
                _run(image, rest, names)
            case "COPY":
                _copy(image, rest)
            case "ENV":
                image.env |= _pairs(rest)
            case "LABEL":
                image.labels |= _pairs(rest)
            case "USER":
                image.user = rest
            case "WORKDIR":
                image.folder(rest)
                image.workdir = rest
            case "ENTRYPOINT":
                image.entrypoint, image.cmd = tuple(json.loads(rest)), ()
            case _:
                raise AssertionError(f"no such instruction: {line}")
    return image


def _run(image: Image, text: str, names: Mapping[str, str]) -> None:
    mounts = {}
    while found := _MOUNT.match(text):
        mounts[found[2]] = f"{names[found[1]]}, read-only"
        text = text[found.end() :]
    image.run(("sh", "-c", re.sub(r"&&\s+", "&& ", text)), mounts)


def _copy(image: Image, text: str) -> None:
    tree, target = text.split(" ")
    assert tree.endswith("/"), text
    assert target.endswith("/"), text
    image.copy_tree(tree.removesuffix("/"), target.removesuffix("/"), ROOT)


def _pairs(text: str) -> dict[str, str]:
    """Return the names and values of ENV or LABEL, in order."""
    found: dict[str, str] = {}
    while text:
        pair = _QUOTED.match(text)
        assert pair, f"neither quoted nor free of variables: {text}"
        found[pair[1]] = re.sub(r"\\(.)", r"\1", pair[2])
        text = text[pair.end() :].lstrip(" ")
    return found
