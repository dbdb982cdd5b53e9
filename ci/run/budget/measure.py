"""What the images of a stack take here: of the records, the store, the reports, and a registry."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ci.catalog.stack import Stack
from ci.engines.buildah.compressed import compressed_layers
from ci.engines.buildah.engine import BuildahEngine
from ci.engines.engine import Engine, Output
from ci.errors import CommandError
from ci.names.digest import bare_digest
from ci.plan.keys import tag
from ci.plan.plan import Plan, PlannedImage
from ci.plan.recipes import recipe
from ci.registry.cache import RegistryCache
from ci.registry.manifest import read_manifest
from ci.report.budget.layers import named_layers
from ci.report.budget.metrics import Layers, Metrics, added, import_seconds, unique_bytes
from ci.report.outcome import Outcome
from ci.run.budget.contents import Contents, parse_contents, read_contents, remembered
from ci.run.budget.reference_benchmark import cpu_model, fixed_work, reference_benchmark_s
from ci.run.cleanup.run_owner import registered_run
from ci.run.reuse.remote_cache import wanted
from ci.run.workspace.digest_cache import DigestCache
from ci.run.workspace.local_store import Store
from ci.run.workspace.reports import recorded_reports
from ci.run.workspace.state import State
from ci.run.workspace.workspace import Workspace

if TYPE_CHECKING:
    from ci.registry.client import RegistryClient

Say = Callable[[str], None]
MOST_LAYERS = 4096
"""Layers whose compressed sizes are remembered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    """What a registry says of images under their keys, by `image:variant`."""

    layers: Mapping[str, Layers] = field(default_factory=dict)
    configs: Mapping[str, str] = field(default_factory=dict)
    compressed: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """Layers and config digest of one image."""

    layers: Layers
    config: str


async def registered(client: RegistryClient, plan: Plan, say: Say) -> Registered:
    """Return what the registry has of `plan`; what it does wrong is told, and not known then.

    Raises:
        RegistryError: the manifest of an image that it has can't be had.
    """
    cache = RegistryCache(client=client)
    found = await cache.look_up([wanted(planned) for planned in plan.images])
    for warning in found.warnings():
        say(f"warning: {warning}")
    compressed = {}
    for id_, artifact in found.available.items():
        image = plan.get(id_).image.image
        scope, repository = cache.scope((image,)), client.namespace.repository(image)
        data = await client.manifest(repository, artifact.image, scope=scope)
        compressed[id_] = sum(layer.size for layer in read_manifest(data, id_).layers)
    return Registered(
        layers={id_: one.layers for id_, one in found.available.items()},
        configs={id_: one.config for id_, one in found.available.items()},
        compressed=compressed,
    )


async def metrics_of(
    workspace: Workspace,
    plan: Plan,
    wanted: Collection[str],
    *,
    engine: Engine | None,
    store: Store,
    registry: Registered | None,
    say: Say,
) -> tuple[Metrics, ...]:
    """Return the metrics of the images `wanted` that are here or in the registry, in the order of `plan`.

    `plan` is that of the whole stack. What is not known of an image in the store is measured now, and
    remembered; without an `engine` nothing is.
    """
    stack, state = workspace.stack, workspace.state
    known = _known(state, plan, registry or Registered())
    unique = _unique(stack, {id_: one.layers for id_, one in known.items()})
    asked = [planned for planned in plan.images if planned.id in wanted and planned.id in known]
    there = [planned for planned in asked if planned.reference in store.ids]
    compressed = dict(registry.compressed) if registry is not None else {}
    if engine is not None:
        await _measure(workspace, engine, store, there, known, set(compressed), say)
    sizes = _compressed(state).values()
    for planned in asked:
        layers = known[planned.id].layers
        if planned.id not in compressed and all(digest in sizes for digest, _ in layers):
            compressed[planned.id] = sum(int(sizes[digest]) for digest, _ in layers)
    inside = {
        planned.id: parse_contents(remembered(state).values().get(bare_digest(known[planned.id].config)))
        for planned in asked
    }
    imports, builds = _times(state, asked)
    calibration = reference_benchmark_s(state, cpu=cpu_model(), say=say, work=fixed_work) if builds else 0.0
    return tuple(
        _metrics(
            stack,
            planned,
            known,
            inside,
            compressed=compressed.get(planned.id),
            unique=unique.get(planned.id),
            import_s=imports.get(planned.id),
            build_ratio=round(builds[planned.id] / calibration, 2) if planned.id in builds else None,
        )
        for planned in asked
    )


def _metrics(
    stack: Stack,
    planned: PlannedImage,
    known: Mapping[str, _Known],
    inside: Mapping[str, Contents | None],
    *,
    compressed: int | None,
    unique: int | None,
    import_s: float | None,
    build_ratio: float | None,
) -> Metrics:
    image, layers = planned.image, known[planned.id].layers
    size = sum(length for _, length in layers)
    below = known[image.parent].layers if image.parent in known else ()
    told = are_told(layers) and (image.is_root or are_told(below))
    own = inside.get(planned.id)
    parent = Contents(distributions={}, packages={}) if image.is_root else inside.get(image.parent)
    return Metrics(
        image=image.image,
        variant=image.variant,
        key=planned.key,
        parent=image.parent,
        unpacked_bytes=size,
        compressed_bytes=compressed,
        unique_bytes=unique,
        shared_bytes=None if unique is None else size - unique,
        import_s=import_s,
        build_ratio=build_ratio,
        layers=named_layers(layers, below, recipe(stack, image)) if told else (),
        distributions=added(own.distributions, parent.distributions) if own and parent else None,
        packages=added(own.packages, parent.packages) if own and parent else None,
    )


def are_told(layers: Layers) -> bool:
    """Whether these are sizes of layers: some engines give one for all, at the last."""
    return len(layers) == 1 or any(size for _, size in layers[:-1])


def _known(state: State, plan: Plan, registry: Registered) -> dict[str, _Known]:
    found = {}
    for planned in plan.images:
        record = state.record(planned.id, tag(planned.key))
        if record is not None:
            found[planned.id] = _Known(layers=record.layers, config=record.config_digest)
        elif planned.id in registry.layers:
            config = registry.configs.get(planned.id, "")
            found[planned.id] = _Known(layers=registry.layers[planned.id], config=config)
    return found


def _unique(stack: Stack, layers: Mapping[str, Layers]) -> dict[str, int | None]:
    """Return the unique bytes of each image among those of its variant and what they are built on."""
    told = {id_: own for id_, own in layers.items() if are_told(own)}
    found: dict[str, int | None] = {}
    for variant in stack.variants:
        own = {image.id for image in stack.images if image.variant == variant}
        together = [image.id for image in stack.closure(own)]
        sizes = unique_bytes(told, together)
        found |= {id_: sizes[id_] for id_ in together if stack.get(id_).variant == variant}
    return found


def _compressed(state: State) -> DigestCache:
    return DigestCache(path=state.root / "compressed.json", most=MOST_LAYERS)


async def _measure(
    workspace: Workspace,
    engine: Engine,
    store: Store,
    images: Sequence[PlannedImage],
    known: Mapping[str, _Known],
    pushed: Collection[str],
    say: Say,
) -> None:
    """Look into `images`, which the store has, and compress their layers, where that was not done before.

    What is `pushed` has its compressed size from there.
    """
    inside, sizes = remembered(workspace.state).values(), _compressed(workspace.state).values()
    unseen = [one for one in images if bare_digest(known[one.id].config) not in inside]
    packs = engine if isinstance(engine, BuildahEngine) else None
    loose = [
        one
        for one in images
        if packs and one.id not in pushed and any(digest not in sizes for digest, _ in known[one.id].layers)
    ]
    if not unseen and not loose:
        return
    async with registered_run(workspace, engine, note=say, warn=say) as (own, marked):
        for planned in unseen:
            say(f"{planned.id}: looks at what it consists of")
            try:
                value = await read_contents(marked, store.ids[planned.reference], own.scratch, Output())
            except (CommandError, ValueError) as error:
                say(f"warning: {planned.id}: what it consists of can't be told: {error}")
                continue
            remembered(own.state).add({bare_digest(known[planned.id].config): value})
        for planned in loose:
            assert isinstance(marked, BuildahEngine)
            diff_ids = [digest for digest, _ in known[planned.id].layers]
            new = set(diff_ids) - set(_compressed(own.state).values())
            if not new:
                continue
            say(f"{planned.id}: compresses {len(new)} of {len(diff_ids)} layers")
            held = set(diff_ids) - new
            try:
                found = await compressed_layers(marked, store.ids[planned.reference], diff_ids, held)
            except (CommandError, ValueError) as error:
                say(f"warning: {planned.id}: its layers can't be compressed: {error}")
                continue
            _compressed(own.state).add(found)


def _times(state: State, asked: Sequence[PlannedImage]) -> tuple[dict[str, float], dict[str, float]]:
    """Return the seconds of importing and those in user mode of building, by the newest report of its key."""
    keys = {planned.id: planned.key for planned in asked}
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
