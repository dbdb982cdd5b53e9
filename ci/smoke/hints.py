"""What helps against a failed check: the key of image.toml that changes it."""

from __future__ import annotations

from collections.abc import Iterable

from ci.catalog.reading import IMAGE
from ci.catalog.stack import ImageVariant
from ci.report.check import Check, Status

HINTS = {
    "--help": "if the program has no --help: `help = false` under [smoke]",
    "shared libraries": "what is missing and nothing loads: `unresolved` under [smoke]",
}
IMPORT, IMPORT_HINT = "import ", "a module of another name: `imports` under [smoke]"


def with_hints(image: ImageVariant, checks: Iterable[Check]) -> tuple[Check, ...]:
    """Return `checks`, each failed one that a key of image.toml can change with a hint at its end."""
    return tuple(_with_hint(image, check) for check in checks)


def _with_hint(image: ImageVariant, check: Check) -> Check:
    if check.status is not Status.failed:
        return check
    hint = IMPORT_HINT if check.name.startswith(IMPORT) else HINTS.get(check.name, "")
    if not hint:
        return check
    text = f"{check.detail}\nhint: {hint} in {image.folder}/{IMAGE}"
    return check.model_copy(update={"detail": text})
