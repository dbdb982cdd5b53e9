"""What all tests have: the list of slow tests, and which tests one worker runs one after another."""

from __future__ import annotations

import pytest

pytest_plugins = ("pytester", "tests.duration_budget")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """With `--dist loadgroup`, let one worker run a file of engine tests, since they share what they build."""
    for item in items:
        if item.get_closest_marker("engine") and not item.get_closest_marker("xdist_group"):
            item.add_marker(pytest.mark.xdist_group(str(item.path.name)))
