"""Answers of Dagger's SDK in the forms that the engine returns."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import anyio

from ci.engines.engine import Output
from ci.redaction import redacted

if TYPE_CHECKING:
    import dagger

TAIL_LINES = 30


async def pairs_of(values: Sequence[dagger.EnvVariable | dagger.Label]) -> list[tuple[str, str]]:
    """Return the names and values, asked for all at once: each answer is a query of its own."""
    found: dict[int, tuple[str, str]] = {}

    async def ask(place: int, one: dagger.EnvVariable | dagger.Label) -> None:
        found[place] = (await one.name(), await one.value())

    async with anyio.create_task_group() as group:
        for place, one in enumerate(values):
            group.start_soon(ask, place, one)
    return [found[place] for place in sorted(found)]


def last_lines(text: str) -> str:
    """Return the end of what a program wrote."""
    return "\n".join(text.splitlines()[-TAIL_LINES:])


def write_output(output: Output, text: str) -> None:
    """Write the output of a program that has ended to the log and to `on_line`; Dagger gives it then."""
    text = redacted(text)
    if output.log is not None and text:
        with output.log.open("a", encoding="utf-8") as stream:
            stream.write(text if text.endswith("\n") else f"{text}\n")
    if output.on_line is not None:
        for line in text.splitlines():
            output.on_line(line)


def written(client: dagger.Client, folder: Path) -> dagger.Directory:
    """Return the Python files of `folder`, which are few and small."""
    directory = client.directory()
    for path in sorted(folder.glob("*.py")):
        directory = directory.with_new_file(path.name, path.read_text(encoding="utf-8"), permissions=0o644)
    return directory
