"""What an image consists of, read inside it once."""

from __future__ import annotations

import json
import shutil
import tempfile
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

from ci.engines.engine import Engine, Output, SandboxedProgram
from ci.run.workspace.digest_cache import DigestCache
from ci.run.workspace.state import State
from ci.steps.layout import VENV

PLACE = "/run/contents"
PYTHON = f"{VENV}/bin/python"
LIMIT_S = 300.0
MOST = 128
"""Images that are remembered; the reference stack has 22."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """Bytes by Python distribution and by Debian package of a whole image."""

    distributions: dict[str, int]
    packages: dict[str, int]


def remembered(state: State) -> DigestCache:
    """Return what is remembered of images, by the digest of their config."""
    return DigestCache(path=state.root / "contents.json", most=MOST)


def parse_contents(value: Any) -> Contents | None:
    """Return what program/contents.py printed; none where it is not of that form."""
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
    """Return what program/contents.py prints in `image`, closed in.

    Raises:
        CommandError: there is no such image.
        ValueError: it did not run there, or printed something else.
    """
    info = await engine.inspect(image)
    with tempfile.TemporaryDirectory(prefix="dockwright-contents-", dir=scratch) as folder:
        with as_file(files("ci.smoke.program").joinpath("contents.py")) as program:
            shutil.copyfile(program, Path(folder, "contents.py"))
        Path(folder).chmod(0o755)  # for the image's user, whatever our umask
        Path(folder, "contents.py").chmod(0o644)
        closed = SandboxedProgram(
            argv=(PYTHON, "-I", "-B", f"{PLACE}/contents.py"),
            config=info.config,
            mounts=((Path(folder), PLACE, "ro"),),
            limit_s=LIMIT_S,
        )
        ended = await engine.check(info.id or image, closed, output)
    if ended.status:
        raise ValueError(f"it ended with {ended.status}: {ended.why or ended.tail}")
    value = json.loads(ended.output)
    if parse_contents(value) is None:
        raise ValueError("it printed something else than contents")
    return value
