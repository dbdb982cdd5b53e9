"""The contents of an image, read inside it once."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter

from ci.bounded.parse import parse_json
from ci.engines.engine import Engine, Output, SandboxedProgram
from ci.run.workspace.digest_cache import DigestCache
from ci.run.workspace.state import State
from ci.steps.layout import VENV

FOLDER = "/run/contents"
PYTHON = f"{VENV}/bin/python"
LIMIT_S = 300.0
CACHED_IMAGES = 128
"""The number of images whose contents are cached; the reference stack has 22."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """Bytes by Python distribution and by Debian package of a whole image."""

    distributions: dict[str, int]
    packages: dict[str, int]


Sizes = dict[str, Annotated[int, Field(ge=0, strict=True)]]
_CONTENTS = TypeAdapter(dict[str, dict[Literal["distributions", "packages"], Sizes]])


def contents_cache(state: State) -> DigestCache[Any]:
    """Return the cached contents of images, by the digest of their config."""
    return DigestCache(path=state.root / "contents.json", most=CACHED_IMAGES, form=_CONTENTS, warn=state.warn)


def parse_contents(value: Any) -> Contents | None:
    """Return the output of program/package_sizes.py as a value; None if it is malformed."""
    match value:
        case {"distributions": dict(distributions), "packages": dict(packages)}:
            try:
                maps = [{str(k): int(v) for k, v in one.items()} for one in (distributions, packages)]
            except (TypeError, ValueError):
                return None
            return Contents(distributions=maps[0], packages=maps[1])
        case _:
            return None


async def read_contents(engine: Engine, image: str, scratch: Path, output: Output) -> Any:
    """Return what program/package_sizes.py prints in `image`, run in a sandbox.

    Raises:
        CommandError: there is no such image.
        ValueError: it failed, or its output is malformed.
    """
    info = await engine.inspect(image)
    with tempfile.TemporaryDirectory(prefix="dockwright-contents-", dir=scratch) as folder:
        with as_file(files("ci.smoke.program").joinpath("package_sizes.py")) as program:
            shutil.copyfile(program, Path(folder, "package_sizes.py"))
        Path(folder).chmod(0o755)  # for the image's user, whatever our umask is
        Path(folder, "package_sizes.py").chmod(0o644)
        sandboxed = SandboxedProgram(
            argv=(PYTHON, "-I", "-B", f"{FOLDER}/package_sizes.py"),
            config=info.config,
            mounts=((Path(folder), FOLDER, "ro"),),
            limit_s=LIMIT_S,
        )
        ended = await engine.run_sandboxed(info.id or image, sandboxed, output)
    if ended.status:
        raise ValueError(f"it ended with {ended.status}: {ended.termination_reason or ended.tail}")
    value = parse_json(ended.output)
    if parse_contents(value) is None:
        raise ValueError("its output is malformed")
    return value
