"""Estimate what a run will download, write and take before it starts. Pure; the rules are measured.

| rule | measured on |
|---|---|
| a wheel unpacks to 3.8 times its size, bytecode included | 434 MB of the reference stack's CPU wheels: 1572 MB in layers, 2.3 to 4.0 times per image |
| one of 100 MB and more to 1.8 times | torch 2.8.0 (1.9) with eight of its CUDA 12.8 wheels: 3703 MB to 6178 MB, 1.7 |
| a Debian package installs to 3.4 times its size | ffmpeg's 200: 3.4; the builder's: 3.2; the bootstrap base: 2.9 |
| a layer takes 1.05 times its bytes on disk | 926 MB of layers in a store of 968 MB |
| while a layer is committed, its container has it too, and TMPDIR twice | a layer of 210 MB: 439 and 420 MB |

The record of an earlier build is used before a rule.
"""  # noqa: E501 a table

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import assert_never

from ci.catalog.stack import DebLine, ImageVariant, LockLine, Stack
from ci.plan.keys import Document
from ci.plan.levels import LARGE_WHEEL_BYTES
from ci.plan.plan import Inventory, Plan, PlannedImage, make_plan, select
from ci.plan.recipes import wheel_lists
from ci.run.estimate.file_system import FileSystem, Where
from ci.run.tasks.graph import input_tasks
from ci.run.tasks.kind import BaseTask, DebhouseTask, InputTask, WheelhouseTask, task_id
from ci.run.tasks.order import critical_paths
from ci.run.tasks.task import Task
from ci.run.workspace.image_record import ImageRecord
from ci.wheelhouse.input_document import compiles

WHEEL_UNPACKED, LARGE_WHEEL_UNPACKED = 3.8, 1.8
DEB_UNPACKED = 3.4
ON_DISK = 1.05
PACKED = 0.5
"""The size of a layer compressed by zstd: torch with its CUDA libraries 2.76 of 5.44 GB. Others have less."""
BLOBS = 2
"""The number of copies of a layer in TMPDIR while it is committed: a tar, and a copy of that."""
BASE_BYTES = 150_000_000
"""The base image from a registry, unpacked: python:3.11-slim is 130 MB; no lock has its size."""
SMALL_BYTES = 20_000_000
"""What any image may write in addition to its packages: its programs, its probe, its configuration."""
FETCH_BYTES_PER_S = 15_000_000
"""An assumption for a network that no earlier run has measured."""
HEAVY = ("Apt", "Venv", "Wheels", "Libraries")
"""Kinds of step whose layers count. If they are unchanged, the engine reuses their layers."""

NOTHING: Mapping[Where, int] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskNeed:
    """What one task writes: `persistent` bytes stay, `transient` bytes exist in addition while it runs.

    `files` and `fetch_bytes` are downloaded; they are part of `persistent`.
    """

    task: str
    files: int = 0
    fetch_bytes: int = 0
    persistent: Mapping[Where, int] = field(default_factory=lambda: NOTHING)
    transient: Mapping[Where, int] = field(default_factory=lambda: NOTHING)

    def peak(self, used_for: Iterable[Where]) -> int:
        """Return the maximum of bytes that the task adds to the folders `used_for`."""
        return sum(self.persistent.get(where, 0) + self.transient.get(where, 0) for where in used_for)


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """The estimate of a whole run; `images` is how many it builds, `seconds` about how long it takes.

    `timed` says whether `seconds` is based on earlier runs alone.
    """

    tasks: tuple[TaskNeed, ...]
    capacity: int
    images: int
    seconds: float = 0.0
    timed: bool = False

    @property
    def files(self) -> int:
        """The number of downloaded files."""
        return sum(task.files for task in self.tasks)

    @property
    def fetch_bytes(self) -> int:
        """The number of downloaded bytes."""
        return sum(task.fetch_bytes for task in self.tasks)

    @property
    def by_task(self) -> dict[str, TaskNeed]:
        """The needs by task."""
        return {task.task: task for task in self.tasks}

    def persistent(self, used_for: Iterable[Where]) -> int:
        """Return the bytes that stay in the folders `used_for`."""
        return sum(task.persistent.get(where, 0) for where in tuple(used_for) for task in self.tasks)

    def peak(self, used_for: Iterable[Where]) -> int:
        """Return the maximum of bytes in the folders `used_for`.

        It is the sum of all persistent bytes, and of the largest transient ones that exist at once.
        """
        folders = tuple(used_for)
        transient = sorted(
            (sum(task.transient.get(where, 0) for where in folders) for task in self.tasks), reverse=True
        )
        return self.persistent(folders) + sum(transient[: self.capacity])


@dataclass(frozen=True, slots=True, kw_only=True)
class Available:
    """What is already present.

    Attributes:
        fetched: sha256 of each downloaded file.
        images: names of the store's images.
        built: the record of the image that the store has under its tag.
        earlier: the record of any earlier build of it, even if the store does not have it any more.
        root_image: name of the image that root images start from.
        remote: bytes, unpacked, of each image that a registry has, by `image:variant`.
        layers: whether layers of earlier builds are used.
        bundle: whether all external inputs are in an exported folder.
    """

    fetched: Collection[str]
    images: Collection[str]
    built: Callable[[PlannedImage], ImageRecord | None]
    earlier: Callable[[PlannedImage], ImageRecord | None]
    root_image: str
    remote: Mapping[str, int] = field(default_factory=dict)
    layers: bool = True
    bundle: bool = False

    def missing(self, lines: Iterable[LockLine | DebLine]) -> tuple[LockLine | DebLine, ...]:
        """Return those of `lines`, each file once, that have to be downloaded."""
        if self.bundle:
            return ()
        unique = {line.sha256: line for line in lines}
        return tuple(line for sha256, line in unique.items() if sha256 not in self.fetched)


def estimate(stack: Stack, plan: Plan, available: Available, *, capacity: int) -> Estimate:
    """Return the estimate of building `plan`, without its time."""
    building = plan.to_build
    needs: list[TaskNeed] = []
    for kind in input_tasks(plan):
        match kind:
            case BaseTask():
                needs.append(_base(stack, plan, available))
            case DebhouseTask():
                needs.append(_debhouse(stack, building, available))
            case WheelhouseTask(variant=variant):
                needs.append(_wheelhouse(stack, variant, building, available))
            case _:
                assert_never(kind)
    needs += [_fetched(planned, available) for planned in plan.images if planned.action == "fetch"]
    records = {planned.id: available.earlier(planned) for planned in plan.images}
    seen: set[tuple[str, tuple[str, ...]]] = set()
    for planned in building:
        shared = (planned.image.parent, tuple(line.sha256 for line in planned.image.apt_lock))
        needs.append(_image(planned, records, available, shares_apt=bool(shared[1]) and shared in seen))
        seen.add(shared)
    return Estimate(tasks=tuple(needs), capacity=capacity, images=len(building))


def from_nothing(stack: Stack, variants: Collection[str], *, capacity: int) -> Estimate:
    """Return the estimate of building all images of `variants` and their ancestors from nothing."""
    plan = make_plan(stack, Inventory(), base="bootstrap", selected=select(stack, (), variants))
    nothing = Available(fetched=(), images=(), built=_no_record, earlier=_no_record, root_image="")
    return estimate(stack, plan, nothing, capacity=capacity)


def expected_seconds(tasks: Sequence[Task], needs: Mapping[str, TaskNeed], capacity: int) -> float:
    """Return about how long `tasks` take: the longest path, or all of them with `capacity` at once.

    Build inputs that are complete take no time, whatever their download took.
    """
    timed = []
    for task in tasks:
        need = needs.get(task.id)
        ready = need is not None and isinstance(task.kind, InputTask) and not need.persistent
        timed.append(replace(task, expected_s=0.5 if ready else task.expected_s))
    if not timed:
        return 0.0
    return max(max(critical_paths(timed).values()), sum(task.expected_s for task in timed) / capacity)


def short_of(
    run: Estimate, systems: Iterable[FileSystem], *, floor_bytes: int
) -> tuple[tuple[FileSystem, int], ...]:
    """Return each file system that is too small for the run, with the bytes it needs there.

    `floor_bytes` have to stay free.
    """
    found = []
    for system in systems:
        need = run.peak(system.used_for) + floor_bytes
        if need > system.free_bytes:
            found.append((system, need))
    return tuple(found)


def wheel_unpacked(line: LockLine) -> int:
    """Return about how many bytes a wheel has after it is installed."""
    ratio = LARGE_WHEEL_UNPACKED if line.size >= LARGE_WHEEL_BYTES else WHEEL_UNPACKED
    return int(line.size * ratio)


def own_bytes(image: ImageVariant) -> int:
    """Return about how many bytes the layers of an image that was never built add to its parent."""
    base_bytes = BASE_BYTES if image.is_root else 0
    return base_bytes + sum(_assumed(image, shares_apt=False)) + SMALL_BYTES


def _no_record(_planned: PlannedImage) -> ImageRecord | None:
    return None


def _base(stack: Stack, plan: Plan, available: Available) -> TaskNeed:
    task = task_id(BaseTask())
    if available.root_image in available.images:
        return TaskNeed(task=task)
    if plan.base == "registry":
        size = int(BASE_BYTES * ON_DISK)
        return TaskNeed(
            task=task,
            files=1,
            fetch_bytes=BASE_BYTES // 3,
            persistent={"store": size},
            transient={"temporary files": BASE_BYTES},
        )
    missing = available.missing(stack.bootstrap.lock)
    fetch = sum(line.size for line in missing)
    size = int(sum(line.size for line in stack.bootstrap.lock) * DEB_UNPACKED)
    # the tar of the root file system is in the state directory while it is imported
    transient: dict[Where, int] = {"store": size, "temporary files": BLOBS * size, "state": size}
    return TaskNeed(
        task=task,
        files=len(missing),
        fetch_bytes=fetch,
        persistent={"store": int(size * ON_DISK), "state": fetch},
        transient=transient,
    )


def _fetched(planned: PlannedImage, available: Available) -> TaskNeed:
    size = available.remote.get(planned.id, 0)
    packed = int(size * PACKED)
    return TaskNeed(
        task=planned.id,
        files=1,
        fetch_bytes=packed,
        persistent={"store": int(size * ON_DISK)},
        transient={"store": SMALL_BYTES, "temporary files": packed},
    )


def _debhouse(stack: Stack, building: Sequence[PlannedImage], available: Available) -> TaskNeed:
    images = [planned.image for planned in building]
    builder = stack.builder.apt_lock if compiles(images) else ()
    lines = [line for image in images for line in image.apt_lock]
    return _fetching(DebhouseTask(), available.missing([*builder, *lines]))


def _wheelhouse(
    stack: Stack, variant: str, building: Sequence[PlannedImage], available: Available
) -> TaskNeed:
    images = [planned.image for planned in building if planned.image.variant == variant]
    lines = [line for image in images for line in image.python_lock]
    need = _fetching(WheelhouseTask(variant), available.missing([*stack.builder.python_lock, *lines]))
    builder = f"{stack.namespace}/builder:"
    has_builder = any(name.startswith(builder) for name in available.images)
    if not need.files or has_builder or not compiles(images):
        return need
    size = int(sum(line.size for line in stack.builder.apt_lock) * DEB_UNPACKED)
    return TaskNeed(
        task=need.task,
        files=need.files,
        fetch_bytes=need.fetch_bytes,
        persistent={**need.persistent, "store": int(size * ON_DISK)},
        transient={"store": size, "temporary files": BLOBS * size},
    )


def _fetching(kind: InputTask, missing: Sequence[LockLine | DebLine]) -> TaskNeed:
    size = sum(line.size for line in missing)
    persistent: Mapping[Where, int] = {"state": size} if missing else NOTHING
    return TaskNeed(task=task_id(kind), files=len(missing), fetch_bytes=size, persistent=persistent)


def _image(
    planned: PlannedImage,
    records: Mapping[str, ImageRecord | None],
    available: Available,
    *,
    shares_apt: bool,
) -> TaskNeed:
    built = available.built(planned) if available.layers else None
    if built is not None and _same_layers(built.document, planned.document):
        return TaskNeed(task=planned.id, persistent={"store": SMALL_BYTES}, transient={"store": SMALL_BYTES})
    layers = _measured(planned, records)
    if layers is None:
        layers = _assumed(planned.image, shares_apt=shares_apt)
    largest = max(layers, default=0)
    return TaskNeed(
        task=planned.id,
        persistent={"store": int(sum(layers) * ON_DISK) + SMALL_BYTES},
        transient={"store": largest + SMALL_BYTES, "temporary files": BLOBS * largest},
    )


def _same_layers(old: Document, new: Document) -> bool:
    """Return whether the parent and each step that installs something are unchanged."""
    return old.get("parent") == new.get("parent") and _heavy(old) == _heavy(new)


def _heavy(document: Document) -> list[object]:
    return [step for step in document.get("steps", ()) if step.get("kind") in HEAVY]


def _measured(planned: PlannedImage, records: Mapping[str, ImageRecord | None]) -> list[int] | None:
    """Return the bytes of the image's own layers in its last build."""
    record = records[planned.id]
    if record is None:
        return None
    below: set[tuple[str, int]] = set()
    if planned.image.is_root:
        below = set(record.layers[:1])
    else:
        parent = records.get(planned.image.parent)
        if parent is None or parent.layers != record.layers[: len(parent.layers)]:
            return None
        below = set(parent.layers)
    return [size for digest, size in record.layers if (digest, size) not in below]


def _assumed(image: ImageVariant, *, shares_apt: bool) -> list[int]:
    """Return about how many bytes each layer has that the image adds."""
    layers = [sum(wheel_unpacked(line) for line in lines) for lines in wheel_lists(image).values()]
    if not shares_apt:
        layers.append(int(sum(line.size for line in image.apt_lock) * DEB_UNPACKED))
    return layers
