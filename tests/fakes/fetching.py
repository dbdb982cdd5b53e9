"""The programs that fetch packages, in this process and without a network."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ci.engines.engine import ContainerRun
from ci.errors import CommandError
from ci.wheelhouse.program import fetch_debs, fetch_wheels
from ci.wheelhouse.program.failure import FetchingError
from tests.fakes.uv_wheel import UV, UV_WHEEL

FILL = {"fetch_debs.py": fetch_debs.fill, "fetch_wheels.py": fetch_wheels.fill}


def program_of(run: ContainerRun) -> str:
    """Return the name of the program that `run` starts."""
    return Path(run.argv[2]).name


def fetch(run: ContainerRun, packages: Mapping[str, bytes]) -> str:
    """Run a fetching program and return what it printed; `packages` can be fetched, by sha256, and uv.

    Raises:
        CommandError: it failed, and has reported why.
    """
    _, document_path, root, name = run.argv[2:]
    here = {target: Path(str(source)) for source, target, _ in run.mounts}
    folder = next(path for target, path in here.items() if root == target)
    document = here[str(Path(document_path).parent)] / Path(document_path).name
    known = {**packages, UV.sha256: UV_WHEEL}
    _fetch_packages(json.loads(document.read_text()), folder, name, run.argv, known)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        try:
            FILL[program_of(run)](document, folder, name)
        except FetchingError as failed:
            _report(folder, name, {"kind": failed.kind, "text": failed.text, "hint": failed.hint})
            raise CommandError(tuple(run.argv), 1, failed.text) from failed
    return printed.getvalue()


def _fetch_packages(
    wanted: dict[str, Any], root: Path, name: str, argv: Sequence[str], packages: Mapping[str, bytes]
) -> None:
    files = {str(entry["sha256"]): str(entry["file"]) for entry in wanted.get("files", ())}
    texts = [*wanted.get("builder", ()), *(text for own in wanted["lists"].values() for text in own)]
    if not files:
        files = {str(text).partition("sha256:")[2][:64]: str(text) for text in texts}
    for folder in ("content", "partial"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    unavailable = [file for sha256, file in files.items() if sha256 not in packages]
    if unavailable:
        text = f"{', '.join(unavailable)}: not available any more"
        _report(root, name, {"kind": "unavailable", "text": text, "unavailable": unavailable})
        raise CommandError(tuple(argv), 1, text)
    for sha256 in files:
        (root / "content" / sha256).write_bytes(packages[sha256])


def _report(root: Path, name: str, failure: Mapping[str, object]) -> None:
    """Write how a fetching program failed, as ci/wheelhouse/program/start.py does."""
    (root / "partial" / f"{name.replace('/', '-')}.failure").write_text(json.dumps(failure))
