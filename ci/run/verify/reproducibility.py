"""Building a selection twice from nothing in different environments, and finding where the two differ."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import ci
from ci.engines.process.command import Command, Privilege
from ci.engines.process.runner import Runner
from ci.errors import BuildError, CommandError
from ci.run.cleanup.folders import remove_folder
from ci.run.verify.layer_listing import first_difference, first_field, listing
from ci.run.verify.repro_build import IMAGES, ReproRequest

BUILD_LIMIT_S = 3 * 3600.0
NO_PROXY = "http://no-such-proxy.invalid:3128"
SURROUNDINGS = {
    "first": {"TZ": "UTC", "LC_ALL": "C.UTF-8"},
    "second": {"TZ": "Asia/Kathmandu", "LC_ALL": "C", "SOURCE_DATE_EPOCH": "1000000000"},
}
"""Environment variables of each build, on top of the caller's."""
DIFFERENT = (
    "store, state and temporary folder; path of the stack, its files' times and modes; names of the parents; "
    "umask 0022 and 0077; time, time zone, locale and SOURCE_DATE_EPOCH; proxy variables unset and set"
)
"""What differs between the two builds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The comparison of two builds of one image variant; `difference` is empty where they are equal."""

    image: str
    config_digest: str
    layers: int
    difference: str


async def verify_repro(
    request: ReproRequest, folder: Path, *, privilege: Privilege, say: Callable[[str], None]
) -> tuple[Verdict, ...]:
    """Build what `request` names twice from nothing below `folder`, and compare.

    The first build's store is removed before the second begins, and both are removed at the end; `privilege`
    is needed for that.

    Raises:
        BuildError: one of the builds failed; its last lines are in the message.
    """
    runner = Runner(limit_s=BUILD_LIMIT_S)
    prefix = privilege.prefix
    try:
        for number in SURROUNDINGS:
            place = folder / number / ("deeper/root" if number == "second" else "root")
            evidence = folder / f"{number}-evidence"
            for path in (place, evidence):
                path.mkdir(parents=True)
            one = replace(request, root=str(place), evidence=str(evidence))
            if number == "second":
                copied = folder / "another checkout" / "stack"
                _copy_plainly(Path(request.stack), copied)
                one = replace(one, stack=str(copied), umask="077", rename_parents=True, proxy=NO_PROXY)
            say(f"{number} build, in {place}")
            await _build(one, folder / f"{number}.json", SURROUNDINGS[number], runner, say)
            await remove_folder(folder / number, runner, prefix)
        return compare(folder / "first-evidence", folder / "second-evidence")
    finally:
        await remove_folder(folder, runner, prefix)


async def _build(
    request: ReproRequest, path: Path, env: Mapping[str, str], runner: Runner, say: Callable[[str], None]
) -> None:
    path.write_text(json.dumps(asdict(request)), encoding="utf-8")
    code = str(Path(ci.__file__).parents[1])
    extra = {**env, "PYTHONPATH": code, "PYTHONDONTWRITEBYTECODE": "1"}
    command = Command(
        argv=(sys.executable, "-m", "ci.run.verify.repro_build", str(path)),
        env=tuple(extra.items()),
        cwd=str(path.parent),
    )
    try:
        await runner.run(command, on_line=say)
    except CommandError as error:
        raise BuildError(f"one of the two builds failed:\n{error.tail}") from error


def _copy_plainly(source: Path, target: Path) -> None:
    """Copy a stack so that only names and content are equal: new times, and modes as by umask 0077."""
    for folder, _, names in os.walk(source):
        below = target / Path(folder).relative_to(source)
        below.mkdir(parents=True, mode=0o700)
        for name in sorted(names, reverse=True):
            path = Path(folder, name)
            if path.is_symlink():
                (below / name).symlink_to(path.readlink())
            else:
                shutil.copyfile(path, below / name)
                (below / name).chmod(0o600)


def compare(first: Path, second: Path) -> tuple[Verdict, ...]:
    """Return a verdict for each image variant, by the evidence that the two builds wrote to their folders."""
    one, other = (json.loads((folder / IMAGES).read_text(encoding="utf-8")) for folder in (first, second))
    return tuple(
        Verdict(
            image=id_,
            config_digest=str(one[id_]["id"]),
            layers=len(one[id_]["layers"]),
            difference=_difference(one[id_], other[id_], first, second),
        )
        for id_ in one
    )


def _difference(one: dict[str, Any], other: dict[str, Any], first: Path, second: Path) -> str:
    layers = list(zip(one["layers"], other["layers"], strict=False))
    for place, (before, after) in enumerate(layers, 1):
        if before != after:
            found = first_difference(_listing(first, before), _listing(second, after))
            return f"layer {place} of {len(one['layers'])}: {found or 'its raw bytes'}"
    found = first_field(one["config"], other["config"])
    if found:
        return f"config: {found}"
    return "" if one["id"] == other["id"] else f"config digest: {one['id']} and {other['id']}"


def _listing(evidence: Path, digest: str) -> dict[str, Any]:
    """Return the entries of the layer with that DiffID.

    Source: containers/storage, overlay-layers: layers.json, and a tar-split file named by the layer's id.
    """
    for layer in json.loads((evidence / "layers.json").read_text(encoding="utf-8")):
        path = evidence / f"{layer['id']}.tar-split.gz"
        if layer.get("diff-digest") == digest and path.exists():
            return listing(path.read_bytes())
    return {}
