"""Refusing a release: an image is released only if it is known to have passed its present checks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ci.catalog.load import load_stack
from ci.catalog.stack import Stack
from ci.errors import CatalogError, SmokeError
from ci.names.digest import bare_digest, short_digest
from ci.plan.plan import Inventory, PlannedImage, make_plan
from ci.publish.release import CHECKS, PASSED, Released
from ci.publish.releases import Releases
from ci.registry.cache import RegistryCache
from ci.registry.key_artifact import KEY
from ci.registry.ledger_artifact import RegistryLedger
from ci.registry.manifest import read_manifest
from ci.run.reuse.checked import Content, RecordedChecks
from ci.run.reuse.ledger import Ledger
from ci.run.workspace.base_kind import KINDS
from ci.settings import Settings


def recorded_checks(settings: Settings, stack: Stack, releases: Releases) -> RecordedChecks:
    """Return what the ledger has of the images of a registry: on this machine and beside them."""
    ledger = Ledger(
        folder=settings.state / "ledger",
        warn=lambda text: releases.say(f"warning: {text}"),
        registry=RegistryLedger(cache=RegistryCache(client=releases.client)),
    )
    return RecordedChecks(stack=stack, ledger=ledger, engine=settings.engine)


async def refuse_unchecked(
    known: RecordedChecks, images: Sequence[Content], passed: Mapping[str, str], *, where: Releases
) -> None:
    """Refuse `images` that are not known to have passed their present checks.

    `passed` has the digest of the config that passed in the run before, by `image:variant`.

    Raises:
        SmokeError: there are such images; the message names them.
    """
    open_ = [
        one
        for one in images
        if one.planned.id not in passed or bare_digest(passed[one.planned.id]) != bare_digest(one.config)
    ]
    found = await known.passed(open_)
    unchecked = [one for one in open_ if one.planned.id not in found]
    if not unchecked:
        return
    ids = [one.planned.id for one in unchecked]
    other = [one for one in unchecked if passed.get(one.planned.id)]
    if other:
        here = short_digest(passed[other[0].planned.id])
        raise SmokeError(
            f"{', '.join(one.planned.id for one in other)}: the registry has another image under this key "
            f"({short_digest(other[0].config)}) than the one that passed its checks here ({here}), so "
            "nothing is released",
            hint="`epoch` of stack.toml, counted up, leaves it behind",
        )
    raise SmokeError(
        f"not known to have passed the present checks, so nothing is released: {', '.join(ids)}",
        hint=f"`dockwright smoke {' '.join(ids)} --registry {where.client.namespace} --cache read-write` "
        "checks them and records what passes",
    )


async def refuse_unchecked_release(
    settings: Settings, origin: Releases, version: str, images: Sequence[Released]
) -> None:
    """Refuse a release with images that were not checked, or that fail the checks of the stack here.

    An image counts as one of the stack here if it has its key.

    Raises:
        SmokeError: there are such images; the message names them.
        RegistryError: a manifest of the release can't be read.
    """
    notes = {one.id: read_manifest(one.data, one.id).annotations for one in images}
    unmarked = [id_ for id_, own in notes.items() if own.get(CHECKS) != PASSED]
    if unmarked:
        raise SmokeError(
            f"release {version} does not say that its images passed their checks: {', '.join(unmarked)}",
            hint="an older dockwright made it: `dockwright publish` makes a release of checked images",
        )
    stack, planned = _images_here(settings)
    if stack is None:
        return
    contents = []
    for one in images:
        own = planned.get(notes[one.id].get(KEY, ""))
        if own is not None:
            config = read_manifest(one.data, one.id).config.digest
            contents.append(Content(planned=own, config=config, layers=()))
    await refuse_unchecked(recorded_checks(settings, stack, origin), contents, {}, where=origin)


def _images_here(settings: Settings) -> tuple[Stack | None, dict[str, PlannedImage]]:
    """Return the stack of the settings and its images by key, for each kind of base; None without one."""
    try:
        stack = load_stack(settings.stack)
    except CatalogError:
        return None, {}
    selected = {image.id for image in stack.images}
    found: dict[str, PlannedImage] = {}
    for kind in KINDS:
        try:
            plan = make_plan(stack, Inventory(), base=kind, selected=selected)
        except CatalogError:
            continue  # the digest of the base in a registry is not locked
        found |= {one.key: one for one in plan.images}
    return stack, found
