"""The image that a rendered Dockerfile's instructions make. Source: Docker, Dockerfile reference."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from posixpath import basename, join

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
                name, value = _pair(rest)
                image.env[name] = value
            case "LABEL":
                name, value = _pair(rest)
                image.labels[name] = value
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
    found = re.match(r"--chmod=(\d+) ", text)
    assert found, f"COPY without a mode: {text}"
    rest = text[found.end() :]
    words = json.loads(rest) if rest.startswith("[") else rest.split(" ")
    *sources, target = words
    assert len(sources) == 1 or target.endswith("/"), text
    for source in sources:
        path = join(target, basename(source)) if target.endswith("/") else target
        image.file(path, source, int(found[1], 8), ROOT)


def _pair(text: str) -> tuple[str, str]:
    found = _QUOTED.fullmatch(text)
    assert found, f"neither quoted nor free of variables: {text}"
    return found[1], re.sub(r"\\(.)", r"\1", found[2])
