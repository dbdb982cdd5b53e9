"""What helps against a failed check: the key of image.toml that changes it."""

from __future__ import annotations

from collections.abc import Iterable

from ci.catalog.reading import IMAGE
from ci.catalog.stack import ImageVariant
from ci.report.check import Check, Status

HINTS = {
    "--help": "if the program has no --help: `help = false` under [smoke]",
    "start": "if the program needs arguments or a service to start: `start = false` under [smoke]",
    "shared libraries": "what is missing and nothing loads: `unresolved` under [smoke]",
}
IMPORT, IMPORT_HINT = "import ", "a module of another name: `imports` under [smoke]"
MODULE = "entrypoint "
MODULE_HINT = "if it needs a network or a secret to be imported: `import_entrypoint = false` under [smoke]"


def with_hints(image: ImageVariant, checks: Iterable[Check]) -> tuple[Check, ...]:
    """Return `checks`, each failed one that a key of image.toml can change with a hint at its end."""
    return tuple(_with_hint(image, check) for check in checks)


def _with_hint(image: ImageVariant, check: Check) -> Check:
    if check.status is not Status.failed:
        return check
    hint = _hint(check.name)
    if not hint:
        return check
    text = f"{check.detail}\nhint: {hint} in {image.folder}/{IMAGE}"
    return check.model_copy(update={"detail": text})


def _hint(name: str) -> str:
    if name.startswith(IMPORT):
        return IMPORT_HINT
    if name.startswith(MODULE) and "/" not in name:  # a file is compiled only
        return MODULE_HINT
    return HINTS.get(name, "")
