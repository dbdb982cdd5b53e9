"""What each engine can do, as data: the other packages decide by it, and never by an engine's name. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

SANDBOX = "read-only root, no capabilities, no network, the image's user"


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What the images and the commands of an engine have in common.

    Attributes:
        reproducible: one plan gives equal config digests on every machine, so another digest is an error.
        pushes: its images may be pushed to a registry under their keys.
        store_on_this_machine: its layers and temporary files are in folders that the settings name.
        uses_local_disk: its images take space on a disk of this machine.
        debian_packages: when a build needs the Debian packages of the embedded engine on this machine.
        difference: what of it here is unlike the same engine on other machines, so that its images are too;
            it stands behind the engine's name in a report.
        sandbox: how a sandboxed program is separated from the machine, for a person; results of checks are
            recorded for this text.
    """

    reproducible: bool = False
    pushes: bool = False
    store_on_this_machine: bool = False
    uses_local_disk: bool = True
    debian_packages: Literal["always", "for the bootstrap base", "never"] = "never"
    difference: str = ""
    sandbox: str = SANDBOX


BUILDAH = Capabilities(reproducible=True, pushes=True, store_on_this_machine=True, debian_packages="always")
CONTAINER_PROGRAM = Capabilities()
DAGGER = Capabilities(
    pushes=True,
    uses_local_disk=False,
    debian_packages="for the bootstrap base",
    sandbox="the image's user, in a container of the engine that has a network and can be written to",
)
BY_NAME: Mapping[str, Capabilities] = {
    "buildah": BUILDAH,
    "dagger": DAGGER,
    "docker": CONTAINER_PROGRAM,
    "podman": CONTAINER_PROGRAM,
}
OCI_RUNTIMES = ("runc", "crun")
"""Programs that make the containers of build steps for an embedded engine; the result is the same."""
SANDBOXES = tuple(dict.fromkeys(one.sandbox for one in BY_NAME.values()))
"""All sandboxes that checks run in."""
FIRST_CHOICE = "buildah"
"""The engine that `auto` means where it is installed."""
REPRODUCIBLE = "buildah"
"""The engine that builds where equal digests are compared."""


def recorded_name(name: str, capabilities: Capabilities) -> str:
    """Return the name of an engine in a report: with what makes its images unlike those of other machines."""
    return f"{name} ({capabilities.difference})" if capabilities.difference else name


def expected_capabilities(engine: str) -> Capabilities:
    """Return the capabilities of the engine that a setting names, before it is opened."""
    return BY_NAME[FIRST_CHOICE if engine == "auto" else engine]


def is_reproducible(engine: str) -> bool:
    """Whether a report's config digests are equal everywhere; `engine` is the name in the report.

    It is empty where all images came from a registry, which has such digests.
    """
    return not engine or (engine in BY_NAME and BY_NAME[engine].reproducible)


def pushing_engines() -> tuple[str, ...]:
    """Return the names of the engines that push."""
    return tuple(name for name, one in BY_NAME.items() if one.pushes)
