"""The builder: the image whose container compiles sdists."""

from __future__ import annotations

from dataclasses import dataclass

from ci.catalog.stack import Stack
from ci.lower.dockerfile import instructions
from ci.plan.keys import digest, tag
from ci.plan.recipes import apt_list
from ci.plan.references import debhouse_reference
from ci.steps.layout import ROOT
from ci.steps.step import Apt, From, Step, User
from ci.wheelhouse.manifest import Manifest


@dataclass(frozen=True, slots=True, kw_only=True)
class BuilderImage:
    """The builder's local `name`, its `instructions`, and the digest of the `packages` that it installs."""

    name: str
    instructions: str
    packages: str


def builder_steps(stack: Stack, root_image: str) -> tuple[Step, ...]:
    """Return the recipe of the builder."""
    name = apt_list(stack.builder.apt, stack.builder.apt_lock)
    return (
        From(parent="builder", default_reference=root_image),
        User(user=ROOT),
        Apt(name=name, debhouse=debhouse_reference(stack)),
    )


def builder_image(stack: Stack, root_image: str, debhouse: Manifest) -> BuilderImage:
    """Return the builder that is made of `root_image` and the packages of `debhouse`."""
    text = instructions(builder_steps(stack, root_image))
    packages = debhouse.part(apt_list(stack.builder.apt, stack.builder.apt_lock))
    return BuilderImage(
        name=f"{stack.namespace}/builder:{tag(digest([root_image, text, packages]))}",
        instructions="\n".join(text) + "\n",
        packages=packages,
    )
