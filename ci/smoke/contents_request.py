"""What accounts for each path of an image: the part of the request that the rung `contents` reads. Pure."""

from __future__ import annotations

from typing import Any

from ci.catalog.stack import ImageVariant, Stack
from ci.steps.layout import VENV

CONTENTS_LIMIT_S = 600.0
"""The time limit of one check of the contents: it may hash 10 GB."""
LOADER = "/etc/ld.so.cache"


def contents_request(stack: Stack, image: ImageVariant) -> dict[str, Any]:
    """Return what `image` and its ancestors declare of the contents.

    `files`: (target, mode, sha256, target of the link) each, later ones replace earlier ones. `paths`: what
    steps write themselves.
    """
    line = stack.lineage(image.id)[::-1]
    paths = {f"/home/{stack.user}"}
    for one in line:
        if one.libraries:
            paths |= {f"/etc/ld.so.conf.d/{one.image}.conf", LOADER}
    return {
        "files": [[file.target, file.mode, file.sha256, file.link] for one in line for file in one.files],
        "distributions": {lock.name: lock.version for one in line for lock in one.python_lock},
        "generated": list(dict.fromkeys(pattern for one in line for pattern in one.smoke.generated)),
        "allows_generated": bool(image.apt) or image.is_root,
        "paths": sorted(paths),
        "venv": VENV,
        "python": stack.python,
        "user": stack.user,
        "uid": stack.uid,
        "gid": stack.gid,
    }
