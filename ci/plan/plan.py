"""The plan: every image variant with its key, what will happen to it, and why. Pure."""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from ci.catalog.stack import ImageVariant, Stack
from ci.catalog.validation_errors import printable
from ci.errors import UsageError
from ci.lower.dockerfile import instructions
from ci.names.image_id import ImageId, parse_image_id
from ci.plan.explain import compare, in_short
from ci.plan.keys import Document, digest, documents, tag
from ci.plan.recipes import recipe
from ci.plan.references import reference

Action = Literal["build", "reuse", "fetch"]
"""`fetch`: the registry has it, and it is needed here, to build an image on it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedImage:
    """One image variant of a plan."""

    image: ImageVariant
    reference: str
    """With the cache tag of its key."""
    key: str
    document: Document
    instructions: tuple[str, ...]
    action: Action
    reason: str

    @property
    def id(self) -> str:
        """`image:variant`."""
        return self.image.id


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The images in build order, each with its action. `base` is the resolved kind of base."""

    base: str
    images: tuple[PlannedImage, ...]
    _by_id: dict[str, PlannedImage] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_by_id", {planned.id: planned for planned in self.images})

    def get(self, id_: str) -> PlannedImage:
        """Return one planned image variant; KeyError where the plan does not have it."""
        return self._by_id[id_]

    @property
    def to_build(self) -> tuple[PlannedImage, ...]:
        """The image variants that will be built."""
        return tuple(planned for planned in self.images if planned.action == "build")


def is_named(id_: str, names: Collection[str]) -> bool:
    """Whether `names` (`image` or `image:variant`) name the image variant `id_`."""
    return id_ in names or parse_image_id(id_).image in names


def select(stack: Stack, names: Collection[str], variants: Collection[str]) -> tuple[str, ...]:
    """Return the ids that `names` (`image` or `image:variant`; empty: all) and `variants` choose.

    The ancestors are included, so the result can be built. The order is the stack's.

    Raises:
        UsageError: the stack has no such image or variant.
    """
    known = [parse_image_id(image.id) for image in stack.images]
    named: dict[str, list[ImageId]] = {}
    for one in known:
        named.setdefault(one.image, []).append(one)
        named.setdefault(str(one), []).append(one)
    wanted: set[str] = set()
    for name in names or sorted({one.image for one in known}):
        found = named.get(name, [])
        if not found:
            raise _unknown(name, known)
        chosen = [one for one in found if str(one) == name or not variants or one.variant in variants]
        if names and not chosen:
            raise UsageError(
                f"the image {name} has no variant {', '.join(sorted(variants))}",
                hint=f"choose among {', '.join(map(str, found))}",
            )
        wanted.update(map(str, chosen))
    return tuple(image.id for image in stack.closure(wanted))


def _unknown(name: str, known: Collection[ImageId]) -> UsageError:
    names = [str(one) for one in known] if ":" in name else sorted({one.image for one in known})
    close = difflib.get_close_matches(name, names, n=1)
    meant = f"did you mean {close[0]!r}? " if close else ""
    return UsageError(f"the stack has no image {name!r}", hint=f"{meant}Known: {', '.join(names)}")


def check_variants(stack: Stack, variants: Iterable[str]) -> None:
    """Refuse a variant that no image of `stack` can have.

    Raises:
        UsageError: stack.toml does not name it.
    """
    for variant in variants:
        if variant not in stack.variants:
            raise UsageError(
                f"the stack has no variant {variant!r}", hint=f"Known: {', '.join(stack.variants)}"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Inventory:
    """What is available without building; empty: nothing.

    Attributes:
        present: cache tags (`k-…`) that the store has an image of.
        built: cache tag of each image variant that has its human tag, for the reason.
        stored: key document of an image under a cache tag, for the reason.
        remote: ids of the image variants that a registry has under their keys.
    """

    present: Collection[str] = ()
    built: Mapping[str, str] = field(default_factory=dict)
    stored: Callable[[str, str], Document | None] = lambda _id, _tag: None
    remote: Collection[str] = ()


def make_plan(
    stack: Stack,
    inventory: Inventory,
    *,
    base: str,
    selected: Collection[str],
    rebuild: Collection[str] = (),
) -> Plan:
    """Decide for each selected image variant.

    Args:
        stack: the checked catalog.
        inventory: what is available.
        base: kind of base, `registry` or `bootstrap`.
        selected: ids to plan, parents included.
        rebuild: ids that are built whatever is available.
    """
    docs = documents(stack, base)
    selected, rebuild, remote = frozenset(selected), frozenset(rebuild), frozenset(inventory.remote)
    planned: list[PlannedImage] = []
    for image in stack.images:
        if image.id not in selected:
            continue
        key = digest(docs[image.id])
        if image.id in rebuild:
            action, reason = "build", "asked for"
        elif tag(key) in inventory.present:
            action, reason = "reuse", "the store has this key"
        elif image.id in remote:
            action, reason = "reuse", "the registry has this key"
        else:
            action, reason = "build", _reason(image, docs[image.id], inventory)
        planned.append(
            PlannedImage(
                image=image,
                reference=f"{reference(stack, image.image)}:{tag(key)}",
                key=key,
                document=docs[image.id],
                instructions=instructions(recipe(stack, image)),
                action=action,  # type: ignore[arg-type]
                reason=reason,
            )
        )
    return Plan(base=base, images=_with_fetched(planned, inventory.present))


def _with_fetched(planned: list[PlannedImage], present: Collection[str]) -> tuple[PlannedImage, ...]:
    """Return the same, with `fetch` for each parent of an image to build that only a registry has."""
    children: dict[str, int] = {}
    for one in planned:
        if one.action == "build" and not one.image.is_root:
            children[one.image.parent] = children.get(one.image.parent, 0) + 1
    return tuple(
        replace(one, action="fetch", reason=f"the registry has this key; {children[one.id]} built on it")
        if one.action == "reuse" and one.id in children and tag(one.key) not in present
        else one
        for one in planned
    )


UNCHECKED = "the registry has this key; its present checks are not known to have passed"


def with_fetched(
    plan: Plan, present: Collection[str], ids: Collection[str] | None = None, *, reason: str
) -> Plan:
    """Return `plan` with `fetch` for those of `ids` that only a registry has, since they are run here.

    `present` are the cache tags that the store has; `ids` None: all images.
    """
    return replace(
        plan,
        images=tuple(
            replace(one, action="fetch", reason=reason)
            if one.action == "reuse" and tag(one.key) not in present and (ids is None or one.id in ids)
            else one
            for one in plan.images
        ),
    )


def _reason(image: ImageVariant, new: Document, inventory: Inventory) -> str:
    if image.id not in inventory.built:
        return "never built here"
    old = inventory.stored(image.id, inventory.built[image.id])
    if old is None:
        return "unknown: the last build's key document is not stored"
    return in_short(compare(old, new))


def plan_text(plan: Plan) -> str:
    """Return what `plan --json` prints."""
    return json.dumps(plan_json(plan), indent=2, ensure_ascii=False) + "\n"


def plan_json(plan: Plan) -> dict[str, Any]:
    """Return the plan as the value that `plan --json` prints; schema 1."""
    return {
        "schema": 1,
        "base": plan.base,
        "images": [
            {
                "image": planned.image.image,
                "variant": planned.image.variant,
                "reference": planned.reference,
                "parent": planned.image.parent,
                "key": planned.key,
                "action": planned.action,
                "reason": planned.reason,
                "instructions": list(planned.instructions),
                "left_out": [printable(path) for path in planned.image.left_out],
            }
            for planned in plan.images
        ],
    }
