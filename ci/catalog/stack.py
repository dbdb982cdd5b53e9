"""A checked stack directory as frozen values. No environment, no clock, no network."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from ci.names.digest import parse_digest
from ci.names.image_id import ExternalId, ImageId, parse_parent
from ci.names.reference import Reference

PLATFORM = "linux/amd64"


@dataclass(frozen=True, slots=True, kw_only=True)
class LockLine:
    """One locked Python distribution: exactly one file of it.

    `file` is the wheel's or the sdist's file name, `sha256` 64 hex digits. `size` is its bytes, 0 where the
    index did not say; it serves estimates and is in no key.
    """

    name: str
    version: str
    sha256: str
    file: str
    size: int = 0

    @property
    def is_sdist(self) -> bool:
        """Whether the wheelhouse has to compile it."""
        return not self.file.endswith(".whl")

    @property
    def text(self) -> str:
        """The pin, as keys and wheelhouses name it."""
        return f"{self.name}=={self.version} --hash=sha256:{self.sha256} # {self.file}"

    @property
    def written(self) -> str:
        """The line as it is written in the lock."""
        return f"{self.text} {self.size}" if self.size else self.text


@dataclass(frozen=True, slots=True, kw_only=True)
class DebLine:
    """One locked Debian package; `path` is its path in Debian's archive (`pool/…`)."""

    name: str
    version: str
    arch: str
    sha256: str
    size: int
    path: str

    @property
    def file(self) -> str:
        """Its file name in a debhouse."""
        return self.path.rsplit("/", 1)[-1]

    @property
    def text(self) -> str:
        """The pin, as keys name it."""
        return f"{self.name}={self.version} {self.arch} sha256:{self.sha256} {self.size} {self.path}"

    @property
    def written(self) -> str:
        """The line as it is written in the lock."""
        return self.text


@dataclass(frozen=True, slots=True, kw_only=True)
class ContextFile:
    """A file, a symbolic link or an empty folder of an image's folder, that goes into the image.

    `path` is POSIX, relative to the image's folder; `link` is set for a symbolic link, `sha256` for a file,
    and neither for an empty folder.
    """

    path: str
    target: str
    mode: str
    sha256: str = ""
    link: str = ""

    @property
    def is_folder(self) -> bool:
        """Whether it is an empty folder."""
        return not self.sha256 and not self.link

    @property
    def content(self) -> str:
        """What it holds, as keys name it: its sha256, where it leads, or that it is a folder."""
        if self.link:
            return f"-> {self.link}"
        return self.sha256 or "an empty folder"


@dataclass(frozen=True, slots=True, kw_only=True)
class Smoke:
    """What an image declares for its checks."""

    imports: tuple[tuple[str, str], ...] = ()
    help: bool = True
    start: bool = True
    """Whether the entrypoint is started without arguments where `help` is off."""
    import_entrypoint: bool = True
    commands: tuple[tuple[str, ...], ...] = ()
    runs: tuple[tuple[str, ...], ...] = ()
    """Real runs on a tiny input; a word `smoke/NAME` is a file of `inputs`."""
    inputs: tuple[ContextFile, ...] = ()
    """Files of the image's folder smoke/, `target` relative to it; they are in no image."""
    unresolved: tuple[str, ...] = ()
    """Shared libraries, or (with a slash) objects that miss some, of optional parts that nothing loads."""
    generated: tuple[str, ...] = ()
    """Patterns of files that installing Debian packages makes and that are in no package."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A model that the stage loads at run time; it is never part of an image."""

    path: str
    description: str
    license: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """The most that an image may take; None: no limit. MB are 10**6 bytes. It is in no key.

    `unique_mb` and `shared_mb` are `unpacked_mb` in two parts: layers that no other image of its variant has,
    and the others. `build_ratio` is the processor time (user mode) of building as a multiple of that of the
    machine's reference benchmark.
    """

    unpacked_mb: float | None = None
    compressed_mb: float | None = None
    unique_mb: float | None = None
    shared_mb: float | None = None
    import_s: float | None = None
    build_ratio: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageVariant:
    """One variant of one image, with everything that it adds to its parent."""

    image: str
    variant: str
    folder: str
    """POSIX path of its folder, relative to the stack directory."""
    parent: str
    """`image:variant`, or `outside:NAME`."""
    title: str
    description: str
    apt: tuple[str, ...] = ()
    apt_lock: tuple[DebLine, ...] = ()
    requirements: tuple[str, ...] = ()
    """Requested distributions (normalised names) of its own requirement file."""
    python_lock: tuple[LockLine, ...] = ()
    env: tuple[tuple[str, str], ...] = ()
    files: tuple[ContextFile, ...] = ()
    left_out: tuple[str, ...] = ()
    """Paths below the folders of `files` that are not copied, relative to the image's folder; in no key."""
    entrypoint: tuple[str, ...] = ()
    smoke: Smoke = field(default_factory=Smoke)
    layers: tuple[tuple[str, ...], ...] = ()
    """Names of distributions that are a layer each set, lowest first; the others are one more above them."""
    libraries: tuple[str, ...] = ()
    """Folders with shared libraries, below site-packages, that the loader searches; shell patterns."""
    budget: Budget = field(default_factory=Budget)
    models: tuple[Model, ...] = ()

    @property
    def id(self) -> str:
        """`image:variant`."""
        return str(ImageId(self.image, self.variant))

    @property
    def parent_id(self) -> ImageId | ExternalId:
        """What it is based on."""
        return parse_parent(self.parent)

    @property
    def is_root(self) -> bool:
        """Whether its parent is an external base image."""
        return isinstance(self.parent_id, ExternalId)

    @property
    def needs_wheelhouse(self) -> bool:
        """Whether its steps mount a wheelhouse: for wheels, or for the uv that makes a root's environment."""
        return self.is_root or bool(self.python_lock)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalBase:
    """An external base image: `digest` is empty until it is resolved."""

    name: str
    reference: str
    tag: str
    digest: str

    @property
    def named(self) -> Reference:
        """Its reference with tag and, where it is resolved, digest."""
        digest = parse_digest(self.digest) if self.digest else None
        return Reference(repository=self.reference, tag=self.tag, digest=digest)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bootstrap:
    """The base made from Debian packages: suite, requested packages, and the lock that is its identity."""

    suite: str
    packages: tuple[str, ...]
    lock: tuple[DebLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Builder:
    """The container that compiles sdists: Debian packages and hash-pinned build requirements."""

    apt: tuple[str, ...]
    apt_lock: tuple[DebLine, ...]
    python_lock: tuple[LockLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """A whole, checked stack directory. `variants_of` order is the order of stack.toml."""

    name: str
    namespace: str
    python: str
    variants: tuple[str, ...]
    base: str
    """Kind of base: `auto`, `registry` or `bootstrap`."""
    licenses: str
    user: str
    uid: int
    gid: int
    uv: str
    """Version of uv that installs wheels."""
    external_bases: tuple[ExternalBase, ...]
    bootstrap: Bootstrap
    builder: Builder
    images: tuple[ImageVariant, ...]
    """All image variants, parents before children, siblings by name then variant."""
    epoch: int = 0
    """Counts up when nothing that was built before may be reused."""
    _by_id: dict[str, ImageVariant] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_by_id", {image.id: image for image in self.images})

    def get(self, id_: str) -> ImageVariant:
        """Return the image variant `image:variant`.

        Raises:
            KeyError: there is none.
        """
        return self._by_id[id_]

    def lineage(self, id_: str) -> tuple[ImageVariant, ...]:
        """Return the image variant `id_` and all that it is built on within the stack, itself first.

        Raises:
            KeyError: there is none.
        """
        found = [self._by_id[id_]]
        while not found[-1].is_root:
            found.append(self._by_id[found[-1].parent])
        return tuple(found)

    def closure(self, ids: Collection[str]) -> tuple[ImageVariant, ...]:
        """Return the image variants `ids` and all that they are built on, in the stack's order."""
        wanted = set(ids)
        for image in reversed(self.images):
            if image.id in wanted:
                wanted.add(image.parent)
        return tuple(image for image in self.images if image.id in wanted)

    @property
    def external_roots(self) -> tuple[ExternalBase, ...]:
        """The external base images that images of this stack are based on."""
        names = {one.name for image in self.images if isinstance(one := image.parent_id, ExternalId)}
        return tuple(base for base in self.external_bases if base.name in names)
