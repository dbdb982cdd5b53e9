"""What a run will fetch, write and take, told before it starts. Pure; the rules are measurements.

| rule | measured on |
|---|---|
| a wheel unpacks to 3.8 times its size, bytecode included | 434 MB of the reference stack's CPU wheels: 1572 MB in layers, 2.3 to 4.0 times per image |
| one of 100 MB and more to 1.8 times | torch 2.8.0 (1.9) with eight of its CUDA 12.8 wheels: 3703 MB to 6178 MB, 1.7 |
| a Debian package installs to 3.4 times its size | ffmpeg's 200: 3.4; the builder's: 3.2; the bootstrap base: 2.9 |
| a layer takes 1.05 times its bytes on disk | 926 MB of layers in a store of 968 MB |
| while a layer is committed, its container has it too, and TMPDIR twice | a layer of 210 MB: 439 and 420 MB |

What an earlier build's record says goes before a rule.
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
"""Of a layer's bytes by zstd; a torch with its CUDA libraries: 2.76 of 5.44 GB. Others have less."""
BLOBS = 2
"""How often a layer lies in TMPDIR while it is committed: as a tar, and as a copy of that."""
OUTSIDE_BYTES = 150_000_000
"""The base image from a registry, unpacked: python:3.11-slim is 130 MB; no lock says it."""
SMALL_BYTES = 20_000_000
"""What any image may write beside its packages: its programs, its probe, its configuration."""
FETCH_BYTES_PER_S = 15_000_000
"""A guess for a network that no earlier run has measured."""
HEAVY = ("Apt", "Venv", "Wheels", "Libraries")
"""Kinds of step whose layers count; where they are as last time, the engine finds them again."""

NOTHING: Mapping[Where, int] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskNeed:
    """What the task of an id writes: `kept` stays, `moment` is there besides only while it runs.

    `files` and `fetch_bytes` come from outside, in `kept` too.
    """

    task: str
    files: int = 0
    fetch_bytes: int = 0
    kept: Mapping[Where, int] = field(default_factory=lambda: NOTHING)
    moment: Mapping[Where, int] = field(default_factory=lambda: NOTHING)

    def peak(self, holds: Iterable[Where]) -> int:
        """Return the most bytes that the task has in the places `holds` beyond what was there before it."""
        return sum(self.kept.get(where, 0) + self.moment.get(where, 0) for where in holds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """What a whole run needs; `images` is how many it builds, `seconds` about how long it takes.

    `timed` says whether `seconds` comes from earlier runs alone.
    """

    tasks: tuple[TaskNeed, ...]
    capacity: int
    images: int
    seconds: float = 0.0
    timed: bool = False

    @property
    def files(self) -> int:
        """How many files are fetched."""
        return sum(task.files for task in self.tasks)

    @property
    def fetch_bytes(self) -> int:
        """How many bytes are fetched."""
        return sum(task.fetch_bytes for task in self.tasks)

    @property
    def by_task(self) -> dict[str, TaskNeed]:
        """The needs by task."""
        return {task.task: task for task in self.tasks}

    def kept(self, holds: Iterable[Where]) -> int:
        """Return the bytes that stay in the places `holds`."""
        return sum(task.kept.get(where, 0) for where in tuple(holds) for task in self.tasks)

    def peak(self, holds: Iterable[Where]) -> int:
        """Return the most bytes in the places `holds`: all that is kept, and the largest moments at once."""
        held = tuple(holds)
        moments = sorted(
            (sum(task.moment.get(where, 0) for where in held) for task in self.tasks), reverse=True
        )
        return self.kept(held) + sum(moments[: self.capacity])


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What is there already.

    Attributes:
        fetched: sha256 of each file that was fetched.
        images: names of the store's images.
        built: the record of the image that the store has under the human name.
        earlier: the record of any earlier build of it, whether the store still has that or not.
        root_image: name of what root images start from.
        remote: bytes, unpacked, of each image that a registry has, by `image:variant`.
        layers: whether layers of earlier builds are used.
        bundle: whether everything from outside is in an exported folder.
    """

    fetched: Collection[str]
    images: Collection[str]
    built: Callable[[PlannedImage], ImageRecord | None]
    earlier: Callable[[PlannedImage], ImageRecord | None]
    root_image: str
    remote: Mapping[str, int] = field(default_factory=dict)
    layers: bool = True
    bundle: bool = False

    def lacks(self, lines: Iterable[LockLine | DebLine]) -> tuple[LockLine | DebLine, ...]:
        """Return those of `lines`, each file once, that have to be fetched."""
        if self.bundle:
            return ()
        unique = {line.sha256: line for line in lines}
        return tuple(line for sha256, line in unique.items() if sha256 not in self.fetched)


def estimate(stack: Stack, plan: Plan, held: Held, *, capacity: int) -> Estimate:
    """Return what building `plan` needs, without its time."""
    building = plan.to_build
    needs: list[TaskNeed] = []
    for kind in input_tasks(plan):
        match kind:
            case BaseTask():
                needs.append(_base(stack, plan, held))
            case DebhouseTask():
                needs.append(_debhouse(stack, building, held))
            case WheelhouseTask(variant=variant):
                needs.append(_wheelhouse(stack, variant, building, held))
            case _:
                assert_never(kind)
    needs += [_fetched(planned, held) for planned in plan.images if planned.action == "fetch"]
    records = {planned.id: held.earlier(planned) for planned in plan.images}
    seen: set[tuple[str, tuple[str, ...]]] = set()
    for planned in building:
        twin = (planned.image.parent, tuple(line.sha256 for line in planned.image.apt_lock))
        needs.append(_image(planned, records, held, shares_apt=bool(twin[1]) and twin in seen))
        seen.add(twin)
    return Estimate(tasks=tuple(needs), capacity=capacity, images=len(building))


def from_nothing(stack: Stack, variants: Collection[str], *, capacity: int) -> Estimate:
    """Return what all images of `variants`, and what they are built on, need where nothing is yet."""
    plan = make_plan(stack, Inventory(), base="bootstrap", selected=select(stack, (), variants))
    nothing = Held(fetched=(), images=(), built=_no_record, earlier=_no_record, root_image="")
    return estimate(stack, plan, nothing, capacity=capacity)


def expected_seconds(tasks: Sequence[Task], needs: Mapping[str, TaskNeed], capacity: int) -> float:
    """Return about how long `tasks` take: the longest path, or all of them on `capacity` at once.

    A house that lacks nothing takes no time, whatever it took when it was filled.
    """
    timed = []
    for task in tasks:
        need = needs.get(task.id)
        ready = need is not None and isinstance(task.kind, InputTask) and not need.kept
        timed.append(replace(task, expected_s=0.5 if ready else task.expected_s))
    if not timed:
        return 0.0
    return max(max(critical_paths(timed).values()), sum(task.expected_s for task in timed) / capacity)


def short_of(
    run: Estimate, systems: Iterable[FileSystem], *, floor_bytes: int
) -> tuple[tuple[FileSystem, int], ...]:
    """Return each file system that the run does not fit on, with the bytes it needs there.

    `floor_bytes` is to stay free.
    """
    found = []
    for system in systems:
        need = run.peak(system.holds) + floor_bytes
        if need > system.free_bytes:
            found.append((system, need))
    return tuple(found)


def wheel_unpacked(line: LockLine) -> int:
    """Return about how many bytes a wheel has once it is installed."""
    ratio = LARGE_WHEEL_UNPACKED if line.size >= LARGE_WHEEL_BYTES else WHEEL_UNPACKED
    return int(line.size * ratio)


def own_bytes(image: ImageVariant) -> int:
    """Return about how many bytes the image adds to its parent in layers, where it was never built."""
    outside_bytes = OUTSIDE_BYTES if image.is_root else 0
    return outside_bytes + sum(_guessed(image, shares_apt=False)) + SMALL_BYTES


def _no_record(_planned: PlannedImage) -> ImageRecord | None:
    return None


def _base(stack: Stack, plan: Plan, held: Held) -> TaskNeed:
    task = task_id(BaseTask())
    if held.root_image in held.images:
        return TaskNeed(task=task)
    if plan.base == "registry":
        size = int(OUTSIDE_BYTES * ON_DISK)
        return TaskNeed(
            task=task,
            files=1,
            fetch_bytes=OUTSIDE_BYTES // 3,
            kept={"store": size},
            moment={"temporary files": OUTSIDE_BYTES},
        )
    lacks = held.lacks(stack.bootstrap.lock)
    fetch = sum(line.size for line in lacks)
    size = int(sum(line.size for line in stack.bootstrap.lock) * DEB_UNPACKED)
    # the tar of the root file system lies in the state directory while it is imported
    moment: dict[Where, int] = {"store": size, "temporary files": BLOBS * size, "state": size}
    return TaskNeed(
        task=task,
        files=len(lacks),
        fetch_bytes=fetch,
        kept={"store": int(size * ON_DISK), "state": fetch},
        moment=moment,
    )


def _fetched(planned: PlannedImage, held: Held) -> TaskNeed:
    size = held.remote.get(planned.id, 0)
    packed = int(size * PACKED)
    return TaskNeed(
        task=planned.id,
        files=1,
        fetch_bytes=packed,
        kept={"store": int(size * ON_DISK)},
        moment={"store": SMALL_BYTES, "temporary files": packed},
    )


def _debhouse(stack: Stack, building: Sequence[PlannedImage], held: Held) -> TaskNeed:
    images = [planned.image for planned in building]
    builder = stack.builder.apt_lock if compiles(images) else ()
    lines = [line for image in images for line in image.apt_lock]
    return _fetching(DebhouseTask(), held.lacks([*builder, *lines]))


def _wheelhouse(stack: Stack, variant: str, building: Sequence[PlannedImage], held: Held) -> TaskNeed:
    images = [planned.image for planned in building if planned.image.variant == variant]
    lines = [line for image in images for line in image.python_lock]
    need = _fetching(WheelhouseTask(variant), held.lacks([*stack.builder.python_lock, *lines]))
    builder = f"{stack.namespace}/builder:"
    there = any(name.startswith(builder) for name in held.images)
    if not need.files or there or not compiles(images):
        return need
    size = int(sum(line.size for line in stack.builder.apt_lock) * DEB_UNPACKED)
    return TaskNeed(
        task=need.task,
        files=need.files,
        fetch_bytes=need.fetch_bytes,
        kept={**need.kept, "store": int(size * ON_DISK)},
        moment={"store": size, "temporary files": BLOBS * size},
    )


def _fetching(kind: InputTask, lacks: Sequence[LockLine | DebLine]) -> TaskNeed:
    size = sum(line.size for line in lacks)
    kept: Mapping[Where, int] = {"state": size} if lacks else NOTHING
    return TaskNeed(task=task_id(kind), files=len(lacks), fetch_bytes=size, kept=kept)


def _image(
    planned: PlannedImage, records: Mapping[str, ImageRecord | None], held: Held, *, shares_apt: bool
) -> TaskNeed:
    built = held.built(planned) if held.layers else None
    if built is not None and _same_layers(built.document, planned.document):
        return TaskNeed(task=planned.id, kept={"store": SMALL_BYTES}, moment={"store": SMALL_BYTES})
    layers = _measured(planned, records)
    if layers is None:
        layers = _guessed(planned.image, shares_apt=shares_apt)
    largest = max(layers, default=0)
    return TaskNeed(
        task=planned.id,
        kept={"store": int(sum(layers) * ON_DISK) + SMALL_BYTES},
        moment={"store": largest + SMALL_BYTES, "temporary files": BLOBS * largest},
    )


def _same_layers(old: Document, new: Document) -> bool:
    """Whether the parent and each step that installs something are as they were."""
    return old.get("parent") == new.get("parent") and _heavy(old) == _heavy(new)


def _heavy(document: Document) -> list[object]:
    return [step for step in document.get("steps", ()) if step.get("kind") in HEAVY]


def _measured(planned: PlannedImage, records: Mapping[str, ImageRecord | None]) -> list[int] | None:
    """Return the bytes of the image's own layers as they were when it was built last."""
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


def _guessed(image: ImageVariant, *, shares_apt: bool) -> list[int]:
    """Return about the bytes of each layer that the image adds."""
    layers = [sum(wheel_unpacked(line) for line in lines) for lines in wheel_lists(image).values()]
    if not shares_apt:
        layers.append(int(sum(line.size for line in image.apt_lock) * DEB_UNPACKED))
    return layers
