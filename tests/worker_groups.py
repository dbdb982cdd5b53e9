"""A pytest plugin: with pytest-xdist, which tests one worker runs one after another, in their order."""

from __future__ import annotations

from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

ENGINE_FOLDERS = ("tests/engine/", "tests/registry/", "tests/e2e/")
OWN = {
    "tests/engine/test_checkout.py",
    "tests/engine/test_closed.py",
    "tests/engine/test_figures.py",
    "tests/engine/test_gc.py",
    "tests/engine/test_locks_apt.py",
    "tests/engine/test_locks_bootstrap.py",
    "tests/engine/test_locks_uv.py",
    "tests/engine/test_locks_write.py",
    "tests/engine/test_luck_store.py",
    "tests/engine/test_luck_transfer.py",
    "tests/engine/test_metered.py",
    "tests/engine/test_peers_meter.py",
    "tests/engine/test_probe.py",
    "tests/engine/test_smoke_child.py",
    "tests/engine/test_smoke_closure.py",
    "tests/engine/test_smoke_probe.py",
    "tests/engine/test_smoke_programs.py",
    "tests/registry/test_cache.py",
    "tests/registry/test_dagger.py",
    "tests/registry/test_faults.py",
    "tests/registry/test_figures.py",
    "tests/registry/test_key_documents.py",
    "tests/registry/test_ledger.py",
    "tests/registry/test_publish.py",
    "tests/registry/test_publish_faults.py",
    "tests/registry/test_wheels.py",
    "tests/e2e/test_wrapper.py",
}


def group(nodeid: str) -> str:
    """Return the group of a test: itself, its file, or all tests that use one store."""
    path = nodeid.partition("::")[0]
    if not path.startswith(ENGINE_FOLDERS):
        return nodeid
    return path if path in OWN else "store"


class GroupScheduling(LoadScopeScheduling):
    """Gives workers one group after another; what is marked in a test's file a scheduler does not see."""

    def _split_scope(self, nodeid: str) -> str:
        return group(nodeid)


@pytest.hookimpl
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> GroupScheduling:
    """Use it for whatever `--dist` asks."""
    return GroupScheduling(config, log)
