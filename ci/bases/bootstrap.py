"""The bootstrap base: a Debian root file system made of locked packages, without any image registry.

The packages are fetched by hash first; mmdebstrap then sees only a folder with exactly them, so the network
and the mirror's present state decide nothing.
"""

from __future__ import annotations

import sys
from pathlib import Path

import ci.wheelhouse.program.fetch_debs as program
from ci.catalog.stack import Bootstrap
from ci.engines.process.command import Command
from ci.steps.bootstrap import mmdebstrap_options

EPOCH = (("SOURCE_DATE_EPOCH", "0"),)


def fetch(input_file: Path, houses: Path, name: str) -> Command:
    """Return the command that fills `houses/name` by hash, on this machine: no container is there yet."""
    script = Path(program.__file__)
    return Command(argv=(sys.executable, "-I", "-B", str(script), str(input_file), str(houses), name))


def index(repository: Path) -> Command:
    """Return the command that prints the package index of `repository`; its packages are in `debs/`."""
    return Command(argv=("apt-ftparchive", "packages", "debs"), cwd=str(repository))


def release(repository: Path, suite: str) -> Command:
    """Return the command that prints the release file of `repository`; its index is there already.

    Source: mmdebstrap(1), variants: what is essential is looked for in the archive named like the suite.
    """
    names = ("Suite", "Codename")
    words = [word for name in names for word in ("-o", f"APT::FTPArchive::Release::{name}={suite}")]
    return Command(argv=("apt-ftparchive", *words, "release", "."), cwd=str(repository))


def make(
    bootstrap: Bootstrap,
    *,
    debs: Path,
    script: Path,
    archive: Path,
    tmpdir: Path,
    privilege: tuple[str, ...],
    enclosure: tuple[str, ...] = (),
) -> Command:
    """Return the command that writes the root file system to the tar `archive`.

    `debs` holds the packages and their index; `script` the last step; `enclosure` is put before the command.
    """
    options = mmdebstrap_options(bootstrap.suite, bootstrap.packages)
    argv = (
        *enclosure,
        "mmdebstrap",
        "--quiet",
        "--format=tar",
        f"--customize-hook={script}",
        *options,
        str(archive),
        f"deb [trusted=yes] copy://{debs} ./",
    )
    return Command(argv=argv, env=(*EPOCH, ("TMPDIR", str(tmpdir)))).privileged(privilege)
