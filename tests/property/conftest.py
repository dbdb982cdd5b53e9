"""A property is no budget: on a busy machine an example may take any time."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

settings.register_profile(
    "any time", parent=settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("any time")
