from __future__ import annotations

from pathlib import Path

import ci

SOURCES = Path(ci.__file__).parent


def test_no_step_of_an_image_gets_roots_capabilities_from_dagger() -> None:
    """Only the step that compiles sdists does, to leave the network before it runs any of their code."""
    naming = {
        str(path.relative_to(SOURCES))
        for path in SOURCES.rglob("*.py")
        if "insecure_root_capabilities" in path.read_text(encoding="utf-8")
    }
    assert naming == {"engines/dagger/fetcher.py"}
