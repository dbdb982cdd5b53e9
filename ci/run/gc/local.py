"""Inspects all that dockwright has on this machine, and deletes what was chosen."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import anyio

from ci.bounded.file import read_file
from ci.bounded.parse import parse_object
from ci.catalog.stack import LockLine, Stack
from ci.engines.engine import Engine
from ci.engines.local_store import LocalStore, StoredImage
from ci.engines.process.command import Command
from ci.engines.process.privilege import find_privilege
from ci.errors import CatalogError, CommandError, DockwrightError
from ci.plan.keys import digest, documents, tag, wheel_build
from ci.plan.references import reference
from ci.run.cleanup.folders import remove_folder
from ci.run.gc.choice import (
    ALL,
    DAMAGED,
    INCOMPLETE,
    OLD_FOLDER,
    STALE_PACKAGES,
    TEMPORARY,
    UNLOCKED,
    Item,
    RetainedSet,
    choose_content_files,
    choose_images,
    choose_records,
)
from ci.run.inputs.local import LocalInputs
from ci.run.workspace.base_kind import KINDS, root_image
from ci.run.workspace.live_runs import FOLDER as LIVE_RUNS
from ci.run.workspace.local_store import KEY_LABEL
from ci.run.workspace.state_structure import ASIDE
from ci.run.workspace.workspace import Workspace
from ci.wheelhouse.input_document import Mirrors, bootstrap_input, debhouse_input, wheelhouse_input
from ci.wheelhouse.manifest import read_manifest

OLD_FOLDERS = ("bootstrap", "cache", "debhouse", "houses", "input", "living", "wheelhouse")
"""Folders of the state directory that only earlier versions filled."""
IMAGE_BATCH = 50
"""Images that one command removes."""
BATCH = 200
"""Files that one rm(1) removes."""
_TAG = re.compile(r"k-[0-9a-f]{32}$")
_OUR_STEP = re.compile(r"\b(DEBS|WHEELS_[A-Z0-9_]+)=[0-9a-f]{64}\b")
"""Build arguments that only dockwright's instructions have; they stand in the history of their layer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """What can be deleted. `skipped` has a sentence for each thing that was not inspected."""

    items: tuple[Item, ...]
    skipped: tuple[str, ...] = ()

    @property
    def size_bytes(self) -> int:
        """Bytes that all of it frees."""
        return sum(item.size_bytes for item in self.items)


async def survey(workspace: Workspace, engine: Engine | None, *, everything: bool = False) -> Survey:
    """Return what can be deleted of the store, the downloads, the state and the temporary files.

    `everything` chooses all that is of this stack or of dockwright, also what is still in use.
    """
    skipped: list[str] = []
    items: list[Item] = []
    names = retained_names(workspace.stack)
    if engine is not None and engine.store is not None:
        stored = await engine.store.stored_images()
        items += await _images(workspace, engine, stored, names, everything=everything)
        names |= {name for image in stored for name in image.names} - {item.name for item in items}
    elif engine is not None:
        skipped.append(f"images of {engine.name} are not deleted here; use `{engine.name} image prune`")
    state = workspace.state.root
    if everything:
        items += [_all(path) for path in _entries(state) if path.name != LIVE_RUNS]
    else:
        items += [_folder(state / name, OLD_FOLDER) for name in OLD_FOLDERS if (state / name).exists()]
        items += [_folder(path, DAMAGED) for path in _entries(state / ASIDE)]
        items += _packages(workspace)
        items += choose_records([*_records(state), *_locks(state)], names)
    tmpdir = workspace.settings.tmpdir
    if not (everything and tmpdir.parent == state):
        items += [_folder(path, TEMPORARY) for path in _entries(tmpdir) if path != workspace.scratch]
    return Survey(items=tuple(items), skipped=tuple(skipped))


async def remove(workspace: Workspace, engine: Engine | None, items: Iterable[Item]) -> tuple[str, ...]:
    """Delete `items`; return a sentence for each that could not be deleted."""
    chosen = tuple(items)
    errors: list[str] = []
    if engine is not None and engine.store is not None:
        for kind in ("image", "intermediate"):
            names = [item.name for item in chosen if item.kind == kind]
            errors += await _remove_images(engine.store, names)
    # without an engine there may be files of one that was usable before
    privilege = await anyio.to_thread.run_sync(find_privilege) if engine is None else engine.privilege
    prefix = privilege.prefix
    for item in chosen:
        if item.kind == "folder":
            try:
                await remove_folder(Path(item.name), workspace.runner, prefix)
            except CommandError as error:
                errors.append(f"{item.name} was not deleted: {error}")
    files = [item.name for item in chosen if item.kind == "file"]
    for start in range(0, len(files), BATCH):
        argv = ("rm", "-f", "--", *files[start : start + BATCH])
        try:
            await workspace.runner.run(Command(argv=argv).privileged(prefix))
        except CommandError as error:
            errors.append(f"files were not deleted: {error}")
    return tuple(errors)


def retained_names(stack: Stack) -> set[str]:
    """Return the cache names of the present plan, on either kind of base."""
    names: set[str] = set()
    for kind in KINDS:
        try:
            names.add(root_image(stack, kind))
            keyed = documents(stack, kind)
        except CatalogError:  # no digest of the base is locked: nothing was built on it
            continue
        names |= {f"{reference(stack, image.image)}:{tag(digest(keyed[image.id]))}" for image in stack.images}
    return names


async def _images(
    workspace: Workspace,
    engine: Engine,
    stored: tuple[StoredImage, ...],
    names: set[str],
    *,
    everything: bool,
) -> tuple[Item, ...]:
    stack = workspace.stack
    builder = await _builder(workspace, engine)
    retained = RetainedSet(
        namespace=stack.namespace,
        ids={image.id for image in stack.images},
        names=names | ({builder} if builder else set()),
        builder=bool(builder),
        alone=workspace.settings.root is not None,
    )
    ours = set() if retained.alone else await _ours(engine, stored, retained)
    return choose_images(stored, retained, ours=ours, everything=everything)


async def _builder(workspace: Workspace, engine: Engine) -> str:
    """Return the name of the builder's image; empty while there is no debhouse, which determines it."""
    inputs = LocalInputs(workspace=workspace, engine=engine)
    try:
        if await inputs.ready("debhouse", debhouse_input(workspace.stack, inputs.mirrors)) is None:
            return ""
    except DockwrightError:
        return ""
    return inputs.builder_image().name


async def _ours(engine: Engine, stored: Iterable[StoredImage], retained: RetainedSet) -> set[str]:
    """Return the ids of the images without a name that dockwright made.

    These have its label, or instructions that only dockwright has, or no layer beyond those of its images:
    intermediate images of a build.
    """
    images = tuple(stored)
    own = {id_ for image in images if retained.own(image) for id_, _ in image.layers}
    unnamed = tuple(image for image in images if not image.names)
    found: set[str] = set()
    for image in unnamed:
        if own.issuperset(id_ for id_, _ in image.layers):
            continue
        config = (await engine.inspect(image.id)).config
        history = " ".join(str(entry.get("created_by", "")) for entry in config.get("history") or ())
        if KEY_LABEL in (config.get("config", {}).get("Labels") or {}) or _OUR_STEP.search(history):
            found.add(image.id)
    own |= {id_ for image in unnamed if image.id in found for id_, _ in image.layers}
    # the label is the last instruction: what was made just before it has the same layers, and no label
    found |= {image.id for image in unnamed if own.issuperset(id_ for id_, _ in image.layers)}
    return found


async def _remove_images(store: LocalStore, names: list[str]) -> list[str]:
    """Delete images, many at once where possible; return a sentence for each that could not be deleted."""
    deleted: set[str] = set()
    errors = []
    for start in range(0, len(names), IMAGE_BATCH):
        batch = [name for name in names[start : start + IMAGE_BATCH] if name not in deleted]
        try:
            deleted.update(await store.remove_images(*batch) if batch else ())
            continue
        except CommandError:
            stored = await store.stored_images()
        existing = {image.id for image in stored} | {name for image in stored for name in image.names}
        for name in batch:
            if name in deleted or name not in existing:
                continue
            try:
                deleted.update(await store.remove_images(name))
            except CommandError as error:
                last = error.tail.strip().splitlines()[-1:] or [str(error)]
                errors.append(f"{name} was not deleted: {last[0]}")
    return errors


def _packages(workspace: Workspace) -> list[Item]:
    """Return the downloads of other locks, and incomplete ones."""
    stack, folder = workspace.stack, workspace.state.inputs
    items = [_folder(path, INCOMPLETE) for path in _entries(folder / "partial")]
    locked = {line.sha256 for line in stack.bootstrap.lock}
    locked |= {line.sha256 for line in stack.builder.apt_lock}
    locked |= {line.sha256 for line in stack.builder.python_lock}
    locked |= {line.sha256 for image in stack.images for line in image.apt_lock}
    locked |= {line.sha256 for image in stack.images for line in image.python_lock}
    compiled = _compiled(stack, folder / "compiled")
    items += [
        Item(kind="file", name=str(path), size_bytes=path.lstat().st_size, reason=UNLOCKED)
        for path in sorted((folder / "compiled").glob("*.json"))
        if path.stem not in compiled
    ]
    wanted = {
        "bootstrap": bootstrap_input(stack, Mirrors()),
        "debhouse": debhouse_input(stack, Mirrors()),
    }
    for name, path in _package_folders(folder):
        variant = name.removeprefix("wheelhouse/")
        inputs = {wanted[name]["input"]} if name in wanted else set()
        if variant in stack.variants:
            inputs = {input_ for kind in KINDS for input_ in _wheelhouse(stack, variant, kind)}
        if _input(path) not in inputs:
            items.append(_folder(path, STALE_PACKAGES))
    files = [(str(path), path.name, path.lstat().st_size) for path in _entries(folder / "content")]
    items += choose_content_files(files, locked, compiled)
    return items


def _package_folders(inputs: Path) -> Iterator[tuple[str, Path]]:
    for name in ("bootstrap", "debhouse"):
        if (inputs / name).is_dir():
            yield name, inputs / name
    for path in _entries(inputs / "wheelhouse"):
        yield f"wheelhouse/{path.name}", path


def _wheelhouse(stack: Stack, variant: str, kind: str) -> set[str]:
    try:
        return {str(wheelhouse_input(stack, variant, kind)["input"])}
    except CatalogError:
        return set()


def _compiled(stack: Stack, folder: Path) -> dict[str, str]:
    """Return the sha256 of each wheel that was compiled from a present sdist, by its wheel-build key."""
    found = {}
    sdists: set[LockLine] = {line for image in stack.images for line in image.python_lock if line.is_sdist}
    for line in sdists:
        for kind in KINDS:
            try:
                key = digest(wheel_build(stack, line, kind))
                found[key] = str(parse_object(read_file(folder / f"{key}.json"))["sha256"])
            except (CatalogError, OSError, ValueError, KeyError):
                continue
    return found


def _input(folder: Path) -> str:
    try:
        return read_manifest(folder).input
    except DockwrightError:
        return ""


def _records(state: Path) -> list[tuple[str, str, int]]:
    return [
        (str(path), path.stem, path.lstat().st_size) for path in sorted((state / "images").glob("*/*.json"))
    ]


def _locks(state: Path) -> list[tuple[str, str, int]]:
    """Return the locks of images; their names end with the cache tag."""
    found = [(path, _TAG.search(path.stem)) for path in sorted((state / "locks").glob("*.lock"))]
    return [(str(path), match[0], 0) for path, match in found if match]


def _entries(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []


def _all(path: Path) -> Item:
    return _folder(path, ALL)


def _folder(path: Path, reason: str) -> Item:
    return Item(kind="folder", name=str(path), size_bytes=_disk_bytes(path), reason=reason)


def _disk_bytes(path: Path) -> int:
    """Return the bytes that deleting `path` frees: a file with further names elsewhere frees none."""
    if path.is_symlink() or path.is_file():
        files = [path]
    else:
        files = [file for file in path.rglob("*") if file.is_file() and not file.is_symlink()]
    names: dict[int, list[Path]] = {}
    for file in files:
        names.setdefault(file.lstat().st_ino, []).append(file)
    return sum(
        status.st_blocks * 512
        for paths in names.values()
        for status in (paths[0].lstat(),)
        if status.st_nlink <= len(paths)
    )
