"""Which storage driver works for this user in this store: found by trying, before anything is stored.

Without a setting, Buildah 1.28 stores whole copies (vfs) for a user without root, even where the kernel
mounts an overlay for that user. That takes several times the disk and the time, so overlay is tried first,
then fuse-overlayfs.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

from ci.engines.buildah.storage import Storage, parse_storage
from ci.engines.local_store import default_root
from ci.engines.process.command import Command
from ci.engines.process.privilege import ROOTLESS
from ci.engines.process.runner import FULL
from ci.engines.store_state import damaged_store
from ci.errors import DiskFullError, EngineError, StoreError

FUSE = "fuse-overlayfs"
DRIVER_VARIABLE = "STORAGE_DRIVER"
"""Names the driver to Buildah. Source: containers-storage.conf(5)."""
HINT_FULL = "free space (`dockwright gc` lists what can be removed), or use another disk: `--root DIR`"
PROBE_S = 30.0
FUSE_PROBE = """\
set -e
cd "$1"
mkdir lower upper work merged
"$2" -o lowerdir=lower,upperdir=upper,workdir=work merged
umount merged
"""


_LIST = re.compile(r"(?P<root>/[^\s\"\\]*)/[a-z]+-(?:images|layers|containers)/[a-z-]+\.json")
"""One of a store's own lists in a message of Buildah, which names it where it can't read it."""


def find_storage(words: tuple[str, ...], privilege: tuple[str, ...], environ: Mapping[str, str]) -> Storage:
    """Return the store that the options `words` name, with the best driver that works in it.

    Buildah tries a driver by mounting in the folder of the store, and writes down there what it found.

    Raises:
        EngineError: Buildah can't open the store.
        StoreError: the store is damaged, with the driver that it would have.
    """
    storage = parse_storage(_info(words, privilege, environ))
    if not storage.copies_layers or environ.get(DRIVER_VARIABLE):
        return storage
    overlay = storage.with_overlay()
    try:
        return parse_storage(_info(overlay.options, privilege, environ))
    except StoreError:
        raise
    except EngineError:
        program = shutil.which(FUSE)
        if program is None or not _mounts(program, Path(storage.root), privilege):
            return storage
        return storage.with_overlay(program)


def _info(words: tuple[str, ...], privilege: tuple[str, ...], environ: Mapping[str, str]) -> str:
    argv = Command(argv=("buildah", *words, "info")).privileged(privilege).argv
    try:
        done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=PROBE_S)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise EngineError(f"Buildah does not answer: {error}") from error
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines() or [f"it ended with {done.returncode}"]
        last = next((line for line in lines if line.startswith("Error: ")), lines[-1]).removeprefix("Error: ")
        listed = _LIST.search(done.stderr)
        if listed:
            raise damaged_store(listed["root"], [last])
        if FULL.search(done.stderr):
            raise DiskFullError(f"the disk of the store is full: {last}", hint=HINT_FULL)
        raise EngineError(f"Buildah can't open its store: {last}")
    if json.loads(done.stdout).get("store") is None:  # a list that it can't read is no error to it
        default = default_root(environ, rootless=privilege == ROOTLESS)
        root = words[words.index("--root") + 1] if "--root" in words else default
        raise damaged_store(root, ["Buildah can't read the lists of it"])
    return done.stdout


def _mounts(program: str, root: Path, privilege: tuple[str, ...]) -> bool:
    """Return whether `program` mounts an overlay for this user beside the store's files."""
    place = next((folder for folder in root.parents if os.access(folder, os.W_OK)), None)
    with tempfile.TemporaryDirectory(prefix="dockwright-fuse-", dir=place) as folder:
        argv = (*privilege, "sh", "-c", FUSE_PROBE, "sh", folder, program)
        try:
            done = subprocess.run(argv, capture_output=True, check=False, timeout=PROBE_S)
        except (OSError, subprocess.TimeoutExpired):
            return False
        finally:
            # its `work` belongs to root there
            subprocess.run(
                (*privilege, "find", folder, "-mindepth", "1", "-delete"), capture_output=True, check=False
            )
        return done.returncode == 0
