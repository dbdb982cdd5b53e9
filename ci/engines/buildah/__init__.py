"""Buildah, the default engine."""
