"""Dagger as an engine."""
