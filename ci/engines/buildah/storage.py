"""Where Buildah's store is and which storage driver it has, as Buildah and skopeo are given it. Pure.

Both programs choose a driver of their own where none is named, and not always the same one: then skopeo does
not find the layers that Buildah made. A file names it to skopeo, since a path in `containers-storage:[…]` may
have no `+`, `@`, `:`, `,` or `]`.

Source: containers-storage.conf(5); containers-transports(5); buildah(1), `--storage-driver`, `--storage-opt`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

from ci.engines.local_store import DEFAULT_ROOT

OVERLAY = "overlay"
MOUNT_PROGRAM = "overlay.mount_program"
LISTS = ("overlay.imagestore", "overlay.additionalimagestores")
"""Options with other stores to read from, whose images this store does not own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Storage:
    """One store.

    Attributes:
        root, run_root: its folders, absolute.
        driver: `overlay`, or `vfs`, which stores each layer as a whole copy of all files up to it.
        driver_options: as `overlay.mountopt=nodev`, from the user's own configuration or chosen for them.
    """

    root: str
    run_root: str
    driver: str
    driver_options: tuple[str, ...] = ()

    @property
    def mount_program(self) -> str:
        """The program that mounts an overlay where the kernel refuses to; empty: the kernel does."""
        return dict(option.partition("=")[::2] for option in self.driver_options).get(MOUNT_PROGRAM, "")

    @property
    def copies_layers(self) -> bool:
        """Whether each layer is stored as a whole copy of all files up to it."""
        return self.driver == "vfs"

    @property
    def is_mounted_by_kernel(self) -> bool:
        """Whether the kernel mounts its layers: only then a step gives the same layer on every machine."""
        return self.driver == OVERLAY and not self.mount_program

    @property
    def warning(self) -> str:
        """What a user should know of how layers are stored; empty: nothing."""
        if self.is_mounted_by_kernel:
            return ""
        if self.copies_layers:
            what = f"each layer is stored as a whole copy of all files up to it (driver {self.driver})"
            effect = "a build takes over ten times the disk space and several times as long, and"
        else:
            what, effect = f"layers are mounted by {self.mount_program or self.driver}, not by the kernel", ""
        return f"{what}: {effect} images get other digests than on other machines, so they can't be pushed"

    @property
    def options(self) -> tuple[str, ...]:
        """Options that name it to Buildah."""
        words = ("--root", self.root, "--runroot", self.run_root, "--storage-driver", self.driver)
        return (*words, *(word for option in self.driver_options for word in ("--storage-opt", option)))

    @property
    def conf(self) -> str:
        """The file that names it to skopeo."""
        lines = ["[storage]", f"driver = {_text(self.driver)}"]
        lines += [f"graphroot = {_text(self.root)}", f"runroot = {_text(self.run_root)}"]
        if self.driver_options:
            lines.append("[storage.options.overlay]")
            pairs = [option.removeprefix(f"{OVERLAY}.").partition("=") for option in self.driver_options]
            lines += [f"{name} = {_text(value)}" for name, _, value in pairs]
        return "\n".join(lines) + "\n"

    def with_overlay(self, mount_program: str = "") -> Storage:
        """Return the store of the driver overlay in the same folders."""
        options = (f"{MOUNT_PROGRAM}={mount_program}",) if mount_program else ()
        return replace(self, driver=OVERLAY, driver_options=options)

    @property
    def lists(self) -> tuple[str, str]:
        """The paths of the lists of its images and of its layers; see ci/engines/buildah/store.py."""
        start = f"{self.root}/{self.driver}"
        return f"{start}-images/images.json", f"{start}-layers/layers.json"

    @property
    def container_records(self) -> str:
        """The folder of the containers' records."""
        return f"{self.root}/{self.driver}-containers"


DEFAULT = Storage(root=DEFAULT_ROOT, run_root="/run/containers/storage", driver=OVERLAY)
"""The store that both programs have for root. Source: containers-storage.conf(5)."""


def parse_storage(info: str) -> Storage:
    """Return the store by what `buildah info` prints."""
    store = json.loads(info)["store"]
    options = [str(option) for option in store.get("GraphOptions") or ()]
    return Storage(
        root=store["GraphRoot"],
        run_root=store["RunRoot"],
        driver=store["GraphDriverName"],
        driver_options=tuple(
            one for one in options if one.startswith(f"{OVERLAY}.") and one.partition("=")[0] not in LISTS
        ),
    )


def _text(value: str) -> str:
    """Return a TOML string: one of JSON is one, too."""
    return json.dumps(value, ensure_ascii=False)
