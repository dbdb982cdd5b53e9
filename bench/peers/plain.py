"""The stack as plain Dockerfiles, written in the ordinary way: what dockwright is measured against. Pure.

One base image; every other image starts from it and installs its own whole requirement file (the pins of the
image and of all its ancestors, so that they agree with the locks; hashes are dropped, as most teams do) from
the default index in one `pip install`. Debian packages come from `apt-get`, what compiles an sdist too. No
cache mounts, no wheelhouse.
"""

from __future__ import annotations

from posixpath import basename, dirname

from ci.catalog.stack import ImageVariant, LockLine, Stack

VENV = "/opt/venv"
TINI = "/usr/bin/tini"
NAMESPACE = "plain"
APT = (
    "apt-get update && apt-get install -y --no-install-recommends {} && "
    "rm -rf /var/lib/apt/lists/* /var/cache/apt/*"
)
"""The official images of Debian and Python empty apt's cache by a setting, which not every base has."""


def name_of(image: ImageVariant) -> str:
    """Return the local name of the plain twin of `image`."""
    return f"{NAMESPACE}/{image.image}:{image.variant}"


def chain(stack: Stack, image: ImageVariant) -> tuple[ImageVariant, ...]:
    """Return `image` and its ancestors, the root image last."""
    found = [image]
    while not found[-1].is_root:
        found.append(stack.get(found[-1].parent))
    return tuple(found)


def plain_parent(stack: Stack, image: ImageVariant) -> ImageVariant | None:
    """Return what the plain twin starts from: the nearest variant of the base image; None for the root."""
    line = chain(stack, image)
    return next((below for below in line[1:] if below.image == line[-1].image), None)


def own_part(stack: Stack, image: ImageVariant) -> tuple[ImageVariant, ...]:
    """Return the images of the stack whose content the plain twin adds to its parent, lowest first."""
    parent = plain_parent(stack, image)
    line = chain(stack, image)
    return tuple(reversed(line[: line.index(parent)] if parent else line))


def whole_requirements(stack: Stack, image: ImageVariant) -> tuple[LockLine, ...]:
    """Return every pin of `image` and its ancestors, sorted by name."""
    return tuple(
        sorted((line for one in chain(stack, image) for line in one.python_lock), key=lambda line: line.name)
    )


def requirements_text(lines: tuple[LockLine, ...]) -> str:
    """Return a requirement file of the pins."""
    return "".join(f"{line.name}=={line.version}\n" for line in lines)


def dockerfile(stack: Stack, image: ImageVariant, start: str, venv_packages: tuple[str, ...]) -> str:
    """Return the Dockerfile of the plain twin of `image`; its context is a folder of its own.

    `start` names the image from outside; `venv_packages` are what that lacks for `python3 -m venv`.
    """
    parent, added = plain_parent(stack, image), own_part(stack, image)
    lock = tuple(line for one in added for line in one.python_lock)
    packages = [package for one in added for package in one.apt]
    packages += list(stack.builder.apt) if any(line.is_sdist for line in lock) else []
    packages = [*(() if parent else venv_packages), *packages]
    lines = [f"FROM localhost/{name_of(parent)}" if parent else f"FROM {start}"]
    if packages or lock:
        lines.append("USER root")
    if packages:
        lines.append(f"RUN {APT.format(' '.join(dict.fromkeys(packages)))}")
    if parent is None:
        lines += [
            f"RUN useradd --uid {stack.uid} --create-home {stack.user}",
            f"RUN python3 -m venv {VENV}",
            f"ENV PATH={VENV}/bin:$PATH",
        ]
    if lock:
        lines.append("COPY requirements.txt /tmp/requirements.txt")
        lines.append("RUN pip install --no-cache-dir -r /tmp/requirements.txt")
    lines += [f"ENV {key}={value}" for one in added for key, value in one.env]
    for one in added:
        lines += _copies(one)
    if parent is None:
        lines.append(f"WORKDIR /home/{stack.user}")
    entrypoint = next((one.entrypoint for one in reversed(added) if one.entrypoint), ())
    if entrypoint or parent is None:
        words = ", ".join(f'"{word}"' for word in (TINI, "--", *(entrypoint or ("python",))))
        lines.append(f"ENTRYPOINT [{words}]")
    lines += [f'LABEL title="{image.title}"', f"USER {stack.user}"]
    return "\n".join(lines) + "\n"


def _copies(image: ImageVariant) -> list[str]:
    """Return COPY instructions: one per target folder for files that keep their name."""
    together: dict[str, list[str]] = {}
    lines = []
    for file in image.files:
        if basename(file.path) == basename(file.target):
            together.setdefault(dirname(file.target), []).append(file.path)
        else:
            lines.append(f"COPY {file.path} {file.target}")
    return [f"COPY {' '.join(paths)} {folder}/" for folder, paths in together.items()] + lines
