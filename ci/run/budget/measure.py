"""Measure the images of a stack: from the state's records and reports, the store, and a registry."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated

from pydantic import Field, TypeAdapter

from ci.catalog.stack import Stack
from ci.engines.engine import Engine, Output
from ci.errors import CommandError, EngineError
from ci.names.digest import bare_digest
from ci.plan.keys import tag
from ci.plan.plan import Plan, PlannedImage
from ci.plan.recipes import recipe
from ci.report.budget.layers import named_layers
from ci.report.budget.metrics import Layers, Metrics, added, import_seconds, unique_bytes
from ci.report.outcome import Outcome
from ci.run.budget.contents import Contents, contents_cache, parse_contents, read_contents
from ci.run.budget.reference_benchmark import cpu_model, reference_benchmark_s, reference_work
from ci.run.budget.registered import Registered
from ci.run.cleanup.run_owner import registered_run
from ci.run.workspace.digest_cache import DigestCache
from ci.run.workspace.local_store import Store
from ci.run.workspace.reports import recorded_reports
from ci.run.workspace.state import State
from ci.run.workspace.workspace import Workspace

Say = Callable[[str], None]
CACHED_LAYERS = 4096
"""The number of layers whose compressed sizes are cached."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """The images that can be measured: those of a `store`, and of a registry.

    Without an `engine` only earlier measurements are used.
    """

    engine: Engine | None
    store: Store
    registry: Registered = field(default_factory=Registered)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """Layers of one image, as (DiffID, bytes unpacked), none if unknown, and its config digest."""

    layers: Layers
    config: str


async def metrics_of(
    workspace: Workspace, plan: Plan, wanted: Collection[str], measured: Measured, say: Say
) -> tuple[Metrics, ...]:
    """Return the metrics of the images `wanted` that are in the store or the registry, in plan order.

    `plan` is the plan of the whole stack. Missing metrics of an image in the store are
    measured now and cached.
    """
    stack, state = workspace.stack, workspace.state
    known = await _known(state, plan, measured, say)
    unique = _unique(stack, {id_: one.layers for id_, one in known.items()})
    available = [planned for planned in plan.images if planned.id in wanted and planned.id in known]
    if measured.engine is not None:
        await _measure(workspace, measured.engine, _missing(state, available, known, measured), say)
    compressed = dict(measured.registry.compressed)
    sizes = _compressed(state).values()
    for planned in available:
        layers = known[planned.id].layers
        if planned.id not in compressed and layers and all(digest in sizes for digest, _ in layers):
            compressed[planned.id] = sum(int(sizes[digest]) for digest, _ in layers)
    cached = contents_cache(state).values()
    contents = {one.id: parse_contents(cached.get(bare_digest(known[one.id].config))) for one in available}
    imports, builds = _times(state, available)
    benchmark_s = (
        reference_benchmark_s(state, cpu=cpu_model(), say=say, work=reference_work) if builds else 0.0
    )
    return tuple(
        _metrics(stack, planned, known, contents).model_copy(
            update={
                "compressed_bytes": compressed.get(planned.id),
                **_parts(known[planned.id].layers, unique.get(planned.id)),
                "import_s": imports.get(planned.id),
                "build_ratio": round(builds[planned.id] / benchmark_s, 2) if planned.id in builds else None,
            }
        )
        for planned in available
    )


def _metrics(
    stack: Stack,
    planned: PlannedImage,
    known: Mapping[str, _Known],
    contents: Mapping[str, Contents | None],
) -> Metrics:
    """Return the unpacked size of an image, and what it adds to its parent."""
    image, layers = planned.image, known[planned.id].layers
    below = known[image.parent].layers if image.parent in known else ()
    named = has_layer_sizes(layers) and (image.is_root or has_layer_sizes(below))
    own = contents.get(planned.id)
    parent = Contents(distributions={}, packages={}) if image.is_root else contents.get(image.parent)
    return Metrics(
        image=image.image,
        variant=image.variant,
        key=planned.key,
        parent=image.parent,
        unpacked_bytes=sum(size for _, size in layers) if layers else None,
        layers=named_layers(layers, below, recipe(stack, image)) if named else (),
        distributions=added(own.distributions, parent.distributions) if own and parent else None,
        packages=added(own.packages, parent.packages) if own and parent else None,
    )


def _parts(layers: Layers, unique: int | None) -> dict[str, int | None]:
    """Return the unique and the shared bytes of an image with these layers."""
    total = sum(size for _, size in layers)
    return {"unique_bytes": unique, "shared_bytes": None if unique is None else total - unique}


def has_layer_sizes(layers: Layers) -> bool:
    """Return whether each layer has its own size: some engines give one size for all, at the last layer."""
    return bool(layers) and (len(layers) == 1 or any(size for _, size in layers[:-1]))


async def _known(state: State, plan: Plan, measured: Measured, say: Say) -> dict[str, _Known]:
    """Return the layers of each image by its record, else by a registry, else as the store has them."""
    registry, found = measured.registry, {}
    for planned in plan.images:
        record = state.record(planned.id, tag(planned.key))
        if record is not None:
            found[planned.id] = _Known(layers=record.layers, config=record.config_digest)
        elif planned.id in registry.layers:
            config = registry.configs.get(planned.id, "")
            found[planned.id] = _Known(layers=registry.layers[planned.id], config=config)
        elif measured.engine is not None and planned.reference in measured.store.ids:
            try:
                info = await measured.engine.inspect(planned.reference)
            except (CommandError, EngineError) as error:
                say(f"warning: {planned.id}: its size can't be read: {error}")
                continue
            found[planned.id] = _Known(layers=info.layers, config=info.id)
        elif planned.id in registry.compressed:
            found[planned.id] = _Known(layers=(), config=registry.configs.get(planned.id, ""))
    return found


def _unique(stack: Stack, layers: Mapping[str, Layers]) -> dict[str, int | None]:
    """Return the unique bytes of each image among the images of its variant and their ancestors."""
    sized = {id_: own for id_, own in layers.items() if has_layer_sizes(own)}
    found: dict[str, int | None] = {}
    for variant in stack.variants:
        own = {image.id for image in stack.images if image.variant == variant}
        together = [image.id for image in stack.closure(own)]
        sizes = unique_bytes(sized, together)
        found |= {id_: sizes[id_] for id_ in together if stack.get(id_).variant == variant}
    return found


_SIZES = TypeAdapter(dict[str, Annotated[int, Field(ge=0, strict=True)]])


def _compressed(state: State) -> DigestCache[int]:
    return DigestCache(path=state.root / "compressed.json", most=CACHED_LAYERS, form=_SIZES, warn=state.warn)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Unmeasured:
    """One image of the store: its id there, and whether its contents or its layers are not measured yet."""

    id: str
    image: str
    known: _Known
    contents: bool
    layers: bool


def _missing(
    state: State, images: Sequence[PlannedImage], known: Mapping[str, _Known], measured: Measured
) -> list[_Unmeasured]:
    """Return the images of the store with missing metrics; a registry knows its compressed sizes itself."""
    contents, sizes = contents_cache(state).values(), _compressed(state).values()
    compresses = measured.engine is not None and measured.engine.store is not None
    found = [
        _Unmeasured(
            id=planned.id,
            image=measured.store.ids[planned.reference],
            known=known[planned.id],
            contents=bare_digest(known[planned.id].config) not in contents,
            layers=compresses
            and planned.id not in measured.registry.compressed
            and any(digest not in sizes for digest, _ in known[planned.id].layers),
        )
        for planned in images
        if planned.reference in measured.store.ids
    ]
    return [one for one in found if one.contents or one.layers]


async def _measure(workspace: Workspace, engine: Engine, images: Sequence[_Unmeasured], say: Say) -> None:
    """Read the contents of `images` and compress their layers, and cache both."""
    if not images:
        return
    async with registered_run(workspace, engine, note=say, warn=say) as (own, marked):
        for one in images:
            if not one.contents:
                continue
            say(f"{one.id}: reading its contents")
            try:
                value = await read_contents(marked, one.image, own.scratch, Output())
            except (CommandError, ValueError) as error:
                say(f"warning: {one.id}: its contents can't be read: {error}")
                continue
            contents_cache(own.state).add({bare_digest(one.known.config): value})
        for one in images:
            diff_ids = [digest for digest, _ in one.known.layers]
            new = set(diff_ids) - set(_compressed(own.state).values())
            if not one.layers or not new:
                continue
            assert marked.store is not None
            say(f"{one.id}: compressing {len(new)} of {len(diff_ids)} layers to measure them")
            try:
                found = await marked.store.compressed_layers(one.image, diff_ids, set(diff_ids) - new)
            except (CommandError, ValueError) as error:
                say(f"warning: {one.id}: its layers can't be compressed: {error}")
                continue
            _compressed(own.state).add(found)


def _times(state: State, images: Sequence[PlannedImage]) -> tuple[dict[str, float], dict[str, float]]:
    """Return the import times and the processor times of builds, from the newest report of each key."""
    keys = {planned.id: planned.key for planned in images}
    imports: dict[str, float] = {}
    builds: dict[str, float] = {}
    for _, report in recorded_reports(state.root):
        for row in report.images:
            if row.key is None or keys.get(row.task) != row.key:
                continue
            seconds = import_seconds(row.checks)
            if seconds is not None:
                imports.setdefault(row.task, seconds)
            if row.action is Outcome.built and row.user_s:
                builds.setdefault(row.task, row.user_s)
    return imports, builds
