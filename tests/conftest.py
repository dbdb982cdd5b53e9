"""The plugins of all tests."""

from __future__ import annotations

pytest_plugins = ("pytester", "tests.duration_budget", "tests.worker_groups")
