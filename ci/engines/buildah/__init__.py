"""The embedded engine: Buildah."""
