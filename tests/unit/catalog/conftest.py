from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.catalog.folder import StackFolder


@pytest.fixture
def stack(tmp_path: Path) -> StackFolder:
    return StackFolder(tmp_path)
