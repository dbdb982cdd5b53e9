"""The plugins of all tests."""

from __future__ import annotations

import pytest

from ci.redaction import forget_secrets

pytest_plugins = ("pytester", "tests.duration_budget", "tests.worker_groups")


@pytest.fixture(autouse=True)
def no_secrets_of_other_tests() -> None:
    """What another test kept secret is an ordinary word here."""
    forget_secrets()
